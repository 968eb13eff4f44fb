"""What a set is, in figures: what its card, its Croissant file and its configurations say.

All of it comes from the tables and parameters of the run that made the set: no clock, no git.
"""

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field, field_validator

from stages.common import rows, tables
from stages.common.archive.licences import Licence
from stages.common.near import known
from stages.common.params import Params
from stages.common.rows import Decision, Lineage, Rejected, Unreadable, Validation

LINE = r"^[^\s`](?:[^\n\r`]*[^\s`])?$"  # no space at its ends, one line, no code
UNITS = {"MB": 10**6, "GB": 10**9}
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")


class ReleaseParams(Params):
    title: str = Field(pattern=LINE)
    purpose: str = Field(pattern=LINE)
    use_case: str = Field(pattern=LINE)
    creator: str = Field(pattern=LINE)
    url: str = Field(pattern=r"^https?://[^\s<>`\"]+$")
    licence: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    version: str = Field(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")
    date: str
    volume_size: str | None
    private: bool

    @field_validator("date", mode="before")
    @classmethod
    def _date(cls, date: object) -> object:
        try:
            if isinstance(date, str) and datetime.date.fromisoformat(date).isoformat() == date:
                return date
        except ValueError:
            pass
        raise ValueError('must be a day between quotes, as "2026-11-25"')

    @field_validator("volume_size", mode="before")
    @classmethod
    def _volume_size(cls, size: object) -> object:
        whole = rf"[1-9]\d*({'|'.join(UNITS)})"
        if size is None or (isinstance(size, str) and re.fullmatch(whole, size)):
            return size
        raise ValueError("must be as 500MB or 2GB (10^6 and 10^9 bytes), or null")

    @property
    def volume_bytes(self) -> int | None:
        """Bytes of a volume; None where the archive is one file."""
        size = self.volume_size
        return None if size is None else int(size[:-2]) * UNITS[size[-2:]]

    @property
    def tag(self) -> str:
        """What a tag of this version has behind the name of the set."""
        return f"v{self.version}"


class Contents(NamedTuple):
    """A set, and the tables of the run that made it."""

    name: str
    params: ReleaseParams
    recipe: Mapping[str, Any]  # the sections of params.yaml
    scorer: Mapping[str, Any]  # scorer.json
    tiles: Sequence[Lineage]  # best first, at least one
    validation: Sequence[Validation]
    images: Sequence[Decision]  # all photographs that may be used
    cut: Sequence[Decision]  # all tiles
    unreadable: Sequence[Unreadable]
    rejected: Sequence[Rejected]
    licences: Mapping[str, Licence]  # by photograph
    sources: Mapping[str, rows.Source]  # by name


class Photograph(NamedTuple):
    """Whom a photograph of the set is from: photographs.csv."""

    photograph: str
    photograph_sha256: str
    section: str
    tiles: int
    validation: bool
    licence: str
    author: str
    source: str
    url: str


class Source(NamedTuple):
    """Photographs of one section, source and licence."""

    section: str
    source: str
    licence: str
    url: str
    photographs: int
    validation: int
    tiles: int


class Share(NamedTuple):
    """What a set has of a source."""

    source: rows.Source
    tiles: int
    validation: int  # photographs


class Step(NamedTuple):
    """A step on the way from files to tiles."""

    what: str  # that are left
    rule: str
    left: int
    dropped: str  # reasons and how many


def photographs(c: Contents) -> list[Photograph]:
    """Every photograph that the set has pixels of, by path."""
    tiles = Counter(row.photograph for row in c.tiles)
    chosen = {row.photograph for row in c.validation}
    rows: list[Lineage | Validation] = [*c.tiles, *c.validation]
    known = {row.photograph: row for row in rows}
    return [
        Photograph(
            photograph=path,
            photograph_sha256=known[path].photograph_sha256,
            section=known[path].section,
            tiles=tiles[path],
            validation=path in chosen,
            licence=c.licences[path].licence,
            author=c.licences[path].author,
            source=c.licences[path].source,
            url=c.licences[path].url,
        )
        for path in sorted(known)
    ]


def sources(rows: Iterable[Photograph]) -> list[Source]:
    """The photographs of a set by section, source and licence, the most tiles first."""
    groups: dict[tuple[str, str, str, str], list[Photograph]] = {}
    for row in rows:
        groups.setdefault((row.section, row.source, row.licence, row.url), []).append(row)
    found = [
        Source(
            *key,
            photographs=sum(row.tiles > 0 for row in members),
            validation=sum(row.validation for row in members),
            tiles=sum(row.tiles for row in members),
        )
        for key, members in groups.items()
    ]
    return sorted(found, key=lambda source: (-source.tiles, source))


def withheld(c: Contents) -> list[Share]:
    """What the set has of sources that may not be redistributed."""
    return [share for share in origins(c) if share.source.redistribute == "no"]


def origins(c: Contents) -> list[Share]:
    """The sources that say whose they are and that the set has images of, by name."""
    tiles = Counter(row.source for row in c.tiles)
    pairs = Counter(row.source for row in c.validation if row.scale == "hr")
    return [
        Share(source, tiles[name], pairs[name])
        for name, source in sorted(c.sources.items())
        if (source.licence or source.redistribute == "no") and (tiles[name] or pairs[name])
    ]


def steps(c: Contents) -> list[Step]:
    """From the files of the folder to the tiles of the set, each with its limits."""
    gather, screen, cutoff = c.recipe["gather"], c.recipe["screen"], c.recipe["cutoff"]
    multiscale, subimages = c.recipe["multiscale"], c.recipe["subimages"]
    usable = len(c.images)
    readable = usable + len(c.rejected)
    public = known.SETS if screen["known_sets"] else ()
    sets = ", ".join([*public, *screen["evaluation_sets"]]) or "none"
    patterns = ", ".join(screen["exclude"]) or "none"
    shortest = multiscale["shortest_edge"]
    sizes = ", ".join(f"{scale:g}" for scale in multiscale["scales"])
    sizes += f", and {shortest} px on the shorter side" if shortest else ""
    fitted = c.scorer.get("photographs_short_edge")
    scored = f"; scored with at most {fitted} px on the shorter side" if fitted else ""
    return [
        Step("files", "in the folder of photographs", readable + len(c.unreadable), ""),
        Step(
            "images",
            f"can be read, at most {gather['max_megapixels']:g} megapixels",
            readable,
            reasons(row.reason for row in c.unreadable),
        ),
        Step(
            "photographs",
            f"shorter side at least {screen['min_short_edge']} px; patterns left out: {patterns}; "
            f"evaluation sets kept out: {sets}; no two with the same pixels",
            usable,
            reasons(row.reason for row in c.rejected),
        ),
        Step(
            "photographs",
            limits(cutoff["images"]) + scored,
            sum(row.kept for row in c.images),
            reasons(row.reason for row in c.images if not row.kept),
        ),
        Step(
            "tiles",
            f"{subimages['size']} px squares of each photograph at the sizes {sizes}; a step of "
            f"{subimages['step']} px ({subimages['spacing']}), threshold {subimages['threshold']}",
            len(c.cut),
            "",
        ),
        Step(
            "tiles",
            limits(cutoff["subimages"]),
            len(c.tiles),
            reasons(row.reason for row in c.cut if not row.kept),
        ),
    ]


def limits(cutoff: Mapping[str, Any]) -> str:
    """A cutoff's rules in words."""
    rules = [_limit(cutoff)]
    rules += [f"section {name}: {_limit(own)}" for name, own in cutoff["per_section"].items()]
    per_source = cutoff.get("per_source", {})  # older sets have none
    rules += [f"source {name}: {_limit(own)}" for name, own in per_source.items()]
    for name, limit in cutoff["limits"].items():
        ends = (("at least", limit.get("min")), ("at most", limit.get("max")))
        rules += [f"{name} {words} {end:g}" for words, end in ends if end is not None]
    if cutoff.get("near_duplicates"):
        rules.append("of nearly the same pictures the best")
    if cutoff.get("overlap") is not None:
        rules.append(f"no two of one image that share more than {cutoff['overlap']:.0%}")
    if cutoff.get("per_photograph") is not None:
        rules.append(f"at most {cutoff['per_photograph']:,} of a photograph")
    if cutoff.get("scales"):
        shares = cutoff["scales"]["shares"].items()
        rules += [f"at most {share:.0%} at scale {scale}" for scale, share in shares]
    return "; ".join(rules)


def _limit(rule: Mapping[str, Any]) -> str:
    count, floor = rule.get("count"), rule.get("min_score")
    if count == 0:
        return "none"
    words = [] if count is None else [f"the best {count:,} by score"]
    if isinstance(floor, Mapping):
        words.append(f"a score of at least the mean of {floor['reference']}")
    elif floor is not None:
        words.append(f"a score of at least {floor:g}")
    return ", ".join(words) or "all, by score"


def reasons(of: Iterable[str]) -> str:
    """How many rows have which reason, as `too small 3, truncated 1`."""
    return ", ".join(f"{name} {n:,}" for name, n in sorted(Counter(of).items()))


def shares(of: Iterable[str]) -> dict[str, float]:
    """The share of each name, 0..1, the largest first."""
    counts = Counter(of)
    total = sum(counts.values())
    return {name: n / total for name, n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))}


def means(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean score of each name."""
    groups: dict[str, list[float]] = {}
    for name, score in pairs:
        groups.setdefault(name, []).append(score)
    return {name: tables.mean(scores) for name, scores in groups.items()}


def size_category(number: int) -> str:
    """Hugging Face's name for a number of rows."""
    return SIZES[max(0, min(len(str(number)) - 3, len(SIZES) - 1))]
