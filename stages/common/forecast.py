"""What a run will need and give, as far as the sizes of the photographs tell it."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.common import disk, sources
from stages.common.entry import Entry
from stages.common.sources import Root
from stages.common.video import among

LOOKED_AT = 2000  # photographs, at most, whose sizes are read
Size = tuple[int, int]  # width and height, px
Sections = Mapping[str, Any]  # of params.yaml


class Sizes(NamedTuple):
    """Of the photographs that are large enough, or of some."""

    sizes: list[Size]
    share: float  # how many of all they are, 0..1
    sections: frozenset[str]  # that there are
    videos: bool = False  # of which stills will be taken, nobody knows how many


def some_sizes(root: Root, entries: Sequence[Entry], min_short_edge: int) -> Sizes:
    """Read the sizes of photographs; where there are many, of evenly chosen ones."""
    every = -(-len(entries) // LOOKED_AT) or 1
    read = sources.sizes_of(root, [entry.path for entry in entries[::every]])
    large = [size for size in read if size and min(size) >= min_short_edge]
    videos = any(entry.reason == among.REASON for entry in entries)
    return Sizes(large, 1 / every, frozenset(entry.section for entry in entries), videos)


def counts(params: Sections) -> list[int | None]:
    """The counts of the sections that have one of their own, and that of all the others, last."""
    cutoff = params["cutoff"]["images"]
    own = [rule["count"] for rule in cutoff["per_section"].values() if "count" in rule]
    return [*own, cutoff["count"]]


def has_floor(cutoff: Mapping[str, Any]) -> bool:
    """Whether a score can be too bad, so that a count need not be reached."""
    rules = [*cutoff["per_section"].values(), *cutoff.get("per_source", {}).values()]
    return any(rule.get("min_score") is not None for rule in [cutoff, *rules])


def fewest(params: Sections, sections: Collection[str]) -> int:
    """How many photographs the cutoff keeps at least, as far as it is known."""
    cutoff = params["cutoff"]["images"]
    if has_floor(cutoff):
        return 0
    with_own = {name for name, rule in cutoff["per_section"].items() if "count" in rule}
    *own, others = counts(params)
    return sum(count or 0 for count in [*own, others if set(sections) - with_own else 0])


def least_bytes(params: Sections, known: Sizes) -> int:
    """Bytes that the folders which are not there yet will take at least: those of the smallest
    photographs that the cutoff can leave."""
    by_area = sorted(known.sizes, key=lambda size: size[0] * size[1])
    kept = by_area[: math.floor(known.share * fewest(params, known.sections))]
    scaled = [(int(w * s), int(h * s)) for w, h in kept for s in params["multiscale"]["scales"]]
    whole, side, step = set(kept), params["subimages"]["size"], params["subimages"]["step"]
    tiles = sum(math.prod((x - side) // step + 1 for x in s) for s in scaled if min(s) >= side)
    written: dict[str, list[Size]] = {
        "data/hr": kept,  # its scale 1 is a link
        "data/multiscale": [size for size in scaled if size not in whole],
        "data/subimages": [(side, side)] * tiles,
    }
    if params["subimages"]["files"] == "kept":
        cutoff = params["cutoff"]["subimages"]
        count = 0 if has_floor(cutoff) else cutoff["count"] or 0
        written = {"data/dataset": [(side, side)] * min(count, tiles)}
    new = [sizes for folder, sizes in written.items() if not Path(folder).exists()]
    return round(sum(map(disk.png_bytes, new)) / known.share)


def most_tiles(params: Sections, sizes: Sequence[Size]) -> int:
    """Tiles that so many photographs give at most: those with the most tiles, at every scale."""
    side, step = params["subimages"]["size"], params["subimages"]["step"]
    edge = params["multiscale"]["shortest_edge"]

    def tiles(size: Size) -> int:
        factors = [*params["multiscale"]["scales"], *([edge / min(size)] if edge else [])]
        scaled = [[math.ceil(x * f) for x in size] for f in factors if f <= 1]
        windows = [[1 + math.ceil((x - side) / step) for x in s] for s in scaled if min(s) >= side]
        return sum(map(math.prod, windows))

    most = None if None in counts(params) else sum(filter(None, counts(params)))
    return sum(sorted(map(tiles, sizes), reverse=True)[:most])


def section_faults(params: Sections, known: Sizes) -> list[str]:
    """Sections that a cutoff names and no photograph is in, as those of a folder used before."""
    if not known.sections:
        return []
    there = ", ".join(sorted(known.sections))
    return [
        f"cutoff.{name}.per_section names {section}, but the sections, the first folders in the "
        f"source, are {there}: correct the name, or take it out"
        for name, cutoff in params["cutoff"].items()
        for section in sorted(set(cutoff["per_section"]) - known.sections)
    ]


def faults(params: Sections, known: Sizes) -> list[str]:
    """Sections that are not there, and counts that can't be met. Of counts nothing is said where
    not all of the sizes are known, or none."""
    found = section_faults(params, known)
    if known.share < 1 or known.videos or not known.sizes:
        return found
    for name, there, what in (
        ("images", len(known.sizes), "photographs that are large enough"),
        ("subimages", most_tiles(params, known.sizes), "tiles that they give at most"),
    ):
        cutoff = params["cutoff"][name]
        own = {f"per_section.{key}.": rule for key, rule in cutoff["per_section"].items()}
        found += [
            f"cutoff.{name}.{key}count asks for {rule['count']:,} of only {there:,} {what}"
            for key, rule in ({"": cutoff} | own).items()
            if (rule.get("count") or 0) > there
        ]
    return found


def size_notes(params: Sections, known: Sizes) -> list[str]:
    """What is told where photographs are smaller than the size at which all are scored."""
    edge, least = params["score"]["size"], params["screen"]["min_short_edge"]
    edges = [min(size) for size in known.sizes]
    smaller = [each for each in edges if each < edge] if isinstance(edge, int) else []
    if not smaller:
        return []
    few, every = (f"{round(len(some) / known.share):,}" for some in (smaller, edges))
    about = "about " if known.share < 1 else ""
    return [
        f"score.size is {edge} px, and {about}{few} of {every} photographs are smaller, the "
        f"smallest {min(smaller)} px: for their size alone they score higher than others; lower "
        f"score.size to {min(smaller)}, or raise screen.min_short_edge, now {least} px"
    ]


def notes(params: Sections) -> list[str]:
    """What is no fault, but hardly meant."""
    least, side = params["screen"]["min_short_edge"], params["subimages"]["size"]
    if least < side:
        return [
            f"screen.min_short_edge is {least} px, and tiles are {side}: photographs between the "
            "two give no tile"
        ]
    return []
