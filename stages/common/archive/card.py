"""The card of a set, README.md: for people, with the head that Hugging Face reads."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from stages.common import tables
from stages.common.archive import description, mosaic
from stages.common.archive.description import Contents
from stages.common.correlation import rank_correlation
from stages.common.rows import Lineage

PICTURE = "sheet.png"
SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$#!])")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
BY_PHOTOGRAPH = "per-photograph"  # the licence of a set whose photographs have different ones
SECTIONS = (
    "frames",
    "gather",
    "screen",
    "score",
    "cutoff",
    "validation",
    "multiscale",
    "subimages",
)


class Code(str):
    """Text that stands in a block of code, and is not escaped."""


def plain(text: str) -> str:
    """Text that is valid Unicode and one line: other bytes are shown as `\\udcff`."""
    shown = text.encode("utf-8", errors="backslashreplace").decode()
    return CONTROLS.sub(" ", shown)


def escaped(value: object) -> str:
    """A value as Markdown shows it: with no character that means something there."""
    if isinstance(value, Code):
        return value
    return SPECIAL.sub(r"\\\1", plain(str(value)))


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=jinja2.StrictUndefined,
    finalize=escaped,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEMPLATES.filters["count"] = "{:,}".format
TEMPLATES.filters["score"] = "{:.6f}".format
TEMPLATES.filters["percent"] = "{:.1%}".format
TEMPLATES.filters["signed"] = "{:+.2f}".format
TEMPLATES.filters["code"] = Code


def front_matter(c: Contents) -> dict[str, Any]:
    """What Hugging Face reads: which files are the rows of which split, and what to search by."""
    tiles = {"split": "train", "path": [f"{c.name}/*.png", "metadata.jsonl"]}
    configs = [{"config_name": "default", "data_files": [tiles]}]
    if c.validation:
        pairs = {"split": "validation", "path": "validation/**"}
        configs.append({"config_name": "validation", "data_files": [pairs]})
    licence: dict[str, Any] = {"license": c.params.licence}
    if c.params.licence == "other":
        licence |= {"license_name": BY_PHOTOGRAPH, "license_link": "photographs.csv"}
    return {
        "pretty_name": c.params.title,
        **licence,
        "task_categories": ["image-to-image"],
        "size_categories": [description.size_category(len(c.tiles))],
        "tags": ["super-resolution", "image", "image-quality-assessment", "hyperiqa"],
        "configs": configs,
    }


def card(c: Contents, shown: Sequence[Lineage], scales: Sequence[int]) -> str:
    """README.md; `shown` are the tiles of its picture, `scales` those of the configurations."""
    photographs = description.photographs(c)
    scores = [row.hyperiqa for row in c.tiles]
    sizes = [float(row.bytes) for row in c.cut]
    return TEMPLATES.get_template("card.md").render(
        c=c,
        p=c.params,
        head=Code(yaml.safe_dump(front_matter(c), sort_keys=False, allow_unicode=True)),
        recipe=Code(yaml.safe_dump(_plain(_sections(c)), sort_keys=False, allow_unicode=True)),
        picture=PICTURE,
        shown=", ".join(row.name.removesuffix(".png") for row in shown),
        columns=mosaic.COLUMNS,
        photographs=photographs,
        trained=sum(row.tiles > 0 for row in photographs),
        sources=description.sources(photographs),
        origins=description.origins(c),
        steps=description.steps(c),
        low=min(scores),
        mean=tables.mean(scores),
        high=max(scores),
        correlation=rank_correlation([row.hyperiqa for row in c.cut], sizes),
        most=max(photographs, key=lambda row: row.tiles),
        scales=description.shares(row.scale for row in c.tiles),
        scale_means=description.means((row.scale, row.hyperiqa) for row in c.tiles),
        sections=description.shares(row.section for row in c.tiles),
        usable=description.shares(row.section for row in c.images),
        pixels=sorted({(row.width, row.height) for row in c.tiles}),
        scale=scales[-1],
        citation=citation(c),
        validation_scales=list(dict.fromkeys(row.scale for row in c.validation)),
        pairs=[row for row in c.validation if row.scale == "hr"],
    )


def citation(c: Contents) -> Code:
    """The set as BibTeX."""
    p = c.params
    fields = {
        "title": p.title,
        "author": p.creator,
        "year": p.date[:4],
        "version": p.version,
        "url": p.url,
    }
    lines = [f"  {name} = {{{re.sub(r'[{}]', '', plain(text))}}}" for name, text in fields.items()]
    return Code(f"@misc{{{c.name},\n" + ",\n".join(lines) + "\n}\n")


def _sections(c: Contents) -> dict[str, Any]:
    sections = {name: c.recipe[name] for name in SECTIONS}
    # Whether what is not kept was written, too, changes nothing of the set: nor of its archive.
    return sections | {"subimages": sections["subimages"] | {"files": "all"}}


def _plain(value: Any) -> Any:
    """A parameter whose text is valid Unicode."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
