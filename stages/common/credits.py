"""Whose photographs are: the files source.yaml, which people put beside them.

A source.yaml speaks of the photographs in its folder and in all folders below; of several above a
photograph the nearest one counts. What none speaks of is a source of its own: a folder of
`gather.more` under its name there, the rest under the name of the folder gather.source. Of such a
source neither licence nor anything else is known.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

import yaml
from pydantic import Field

from stages.common import params, sources
from stages.common.entry import Entry
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.pixels.images import ImageError
from stages.common.rows import Source
from stages.common.sources import Root

FILE = "source.yaml"
MOST_BYTES = 1 << 16
UNKNOWN = "unknown"
LINE = r"^\S(.*\S)?$"


class SourceFile(Params):
    """What a source.yaml says."""

    name: str = Field(pattern=LINE)
    url: str = Field(default="", pattern=r'^https?://[^\s<>`"]+$')
    licence: str = Field(pattern=LINE)
    spdx: str = Field(default="", pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")
    redistribute: Literal["yes", "no", "unknown"]
    citation: str = Field(default="", pattern=LINE)


def read(root: Root, entries: Iterable[Entry]) -> dict[str, Source]:
    """The sources of photographs, by the folder that each speaks of; `entries` are all files.

    Raises:
        UserError: with every fault of the first file that has any; where two sources differ but
            for their name.
    """
    found = {folder.name: unknown(folder.name, folder.folder) for folder in sources.folders(root)}
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        if name == FILE and not entry.fault:
            found[folder] = _read(root, entry)
    folders: dict[str, str] = {}
    for folder, source in found.items():
        other = folders.setdefault(source.name, folder)
        if found[other] != source:
            raise UserError(
                f"{sources.shown(root, other)} and {sources.shown(root, folder)} are two sources "
                f"with the name {source.name}: give one of them another name in its {FILE}, or "
                "both the same file"
            )
    return found


def unknown(name: str, folder: str) -> Source:
    """A folder of which nobody says whose it is."""
    return Source(name or Path(folder).resolve().name, "", "", "", UNKNOWN, "")


def source_of(path: str, by_folder: Mapping[str, Source]) -> Source:
    """The source of a photograph: the nearest one above it."""
    for parent in PurePosixPath(path).parents:
        name = "" if str(parent) == "." else str(parent)
        if name in by_folder:
            return by_folder[name]
    return by_folder[""]


def notes(root: Root, by_folder: Mapping[str, Source]) -> list[str]:
    """What will end a run whose set has images of them."""
    return [
        f"{sources.shown(root, f'{folder}/{FILE}'.lstrip('/'))}: {source.name} may not be "
        "redistributed: `release` refuses a set that has images of it: leave them out by "
        "screen.exclude, or set release.private: true"
        for folder, source in sorted(by_folder.items())
        if source.redistribute == "no"
    ]


def _read(root: Root, entry: Entry) -> Source:
    path = sources.shown(root, entry.path)
    try:
        text = sources.read(root, entry.path, MOST_BYTES + 1).decode("utf-8")
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError, ImageError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if len(text) > MOST_BYTES or not isinstance(node, yaml.MappingNode):
        raise UserError(f"{path}: must hold lines as `name: FFHQ`: see docs/sources.md")
    # As text: `no` would else be False, and of a key that comes twice the second would count.
    pairs = [
        (key.value, value.value if isinstance(value, yaml.ScalarNode) else None)
        for key, value in node.value
    ]
    twice = sorted({key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1})
    found = [f"{key} comes twice" for key in twice]
    faults = params.faults(SourceFile, "", dict(pairs))
    found += [fault.removeprefix(".").replace(" a parameter:", " a key:") for fault in faults]
    if found:
        raise UserError(f"{path}: {'; '.join(found)}")
    return Source(**SourceFile.model_validate(dict(pairs)).model_dump())
