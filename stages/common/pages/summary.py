"""Numbers that say what was left of the photographs, and what a cutoff leaves: for the report."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common import tables
from stages.common.tables import (
    Collected,
    Decision,
    Photograph,
    Rejected,
    Scaled,
    Tile,
    Validation,
)

SHOWN = 18  # pictures on a contact sheet


class Tables(NamedTuple):
    """All that stages have listed, a field a table; `validation` has the photographs alone."""

    gathered_images: list[Photograph]
    unreadable_images: list[Rejected]
    screened: list[Photograph]
    rejected: list[Rejected]
    cutoff_images: list[Decision]
    collected: list[Collected]
    validation: list[Validation]
    multiscale: list[Scaled]
    multiscale_rejected: list[Rejected]
    subimages: list[Tile]
    subimages_rejected: list[Rejected]
    cutoff_subimages: list[Decision]


class Kept(NamedTuple):
    """The dataset in five numbers."""

    tiles: int
    photographs: int
    mean: float  # of the scores
    lowest: float
    bytes: int


def read(folder: Path) -> Tables:
    """Read the tables of a folder."""

    def rows(name: str, row_type: type[Any]) -> list[Any]:
        return tables.read(folder / f"{name}.csv", row_type)

    return Tables(
        gathered_images=rows("gathered_images", Photograph),
        unreadable_images=rows("unreadable_images", Rejected),
        screened=rows("screened", Photograph),
        rejected=rows("rejected", Rejected),
        cutoff_images=rows("cutoff_images", Decision),
        collected=rows("collected", Collected),
        validation=[row for row in rows("validation", Validation) if row.scale == "hr"],
        multiscale=rows("multiscale", Scaled),
        multiscale_rejected=rows("multiscale_rejected", Rejected),
        subimages=rows("subimages", Tile),
        subimages_rejected=rows("subimages_rejected", Rejected),
        cutoff_subimages=rows("cutoff_subimages", Decision),
    )


def way(t: Tables) -> list[tuple[object, ...]]:
    """Of each stage its name, how many went in, how many came out, and why others did not."""
    gathered, unreadable = len(t.gathered_images), len(t.unreadable_images)
    images = len(t.cutoff_images)
    kept = sum(row.kept for row in t.cutoff_subimages)
    return [
        ("gather", gathered + unreadable, gathered, reasons(t.unreadable_images)),
        ("screen", gathered, len(t.screened), reasons(t.rejected)),
        ("cutoff of images", images, len(t.collected), reasons(t.cutoff_images)),
        ("validation", images - len(t.collected), len(t.validation), ""),
        ("multiscale", len(t.collected), len(t.multiscale), reasons(t.multiscale_rejected)),
        ("subimages", len(t.multiscale), len(t.subimages), reasons(t.subimages_rejected)),
        ("cutoff of subimages", len(t.cutoff_subimages), kept, reasons(t.cutoff_subimages)),
    ]


def what_is_kept(t: Tables) -> Kept:
    """The dataset in numbers; at least one tile is kept."""
    rows = [row for row in t.cutoff_subimages if row.kept]
    photograph = {tile.path: tile.photograph_sha256 for tile in t.subimages}
    return Kept(
        tiles=len(rows),
        photographs=len({photograph[row.path] for row in rows}),
        mean=math.fsum(row.hyperiqa for row in rows) / len(rows),
        lowest=rows[-1].hyperiqa,
        bytes=sum(row.bytes for row in rows),
    )


def by_section(t: Tables) -> list[tuple[object, ...]]:
    """`shares` of the sections, before and after the cutoff of tiles."""
    rows = t.cutoff_subimages
    return shares((r.section for r in rows), (r.section for r in rows if r.kept))


def by_scale(t: Tables) -> list[tuple[object, ...]]:
    """`shares` of the scales, before and after the cutoff of tiles."""
    rows, scale = t.cutoff_subimages, {tile.path: tile.scale for tile in t.subimages}
    return shares((scale[r.path] for r in rows), (scale[r.path] for r in rows if r.kept))


def reasons(rows: Iterable[Any]) -> str:
    """`12 too small, 3 truncated`, most frequent first."""
    counts = Counter(row.reason for row in rows if row.reason)
    return ", ".join(f"{n:,} {reason}" for reason, n in counts.most_common())


def what_if(rows: Sequence[Decision]) -> list[tuple[object, ...]]:
    """Count, mean, lowest score and MB of the best 10%, 20%, ... of ranked images."""
    table: list[tuple[object, ...]] = []
    for tenth in range(1, 11):
        best = rows[: math.ceil(len(rows) * tenth / 10)]
        mean = math.fsum(row.hyperiqa for row in best) / len(best)
        megabytes = round(sum(row.bytes for row in best) / 1e6)
        table.append((len(best), mean, best[-1].hyperiqa, megabytes))
    return table


def shares(every: Iterable[str], kept: Iterable[str]) -> list[tuple[object, ...]]:
    """Name, number and share before and after a cut; most frequent first."""
    before, after = Counter(every), Counter(kept)
    total, left = before.total(), after.total()
    return [
        (name, n, f"{n / total:.1%}", after[name], f"{after[name] / left:.1%}")
        for name, n in before.most_common()
    ]


def size_correlation(t: Tables) -> float:
    """Spearman's rank correlation of the photographs' scores and megapixels, -1..1; 0 where there
    are too few to tell."""
    area = {row.path: row.width * row.height for row in t.screened}
    scores = [row.hyperiqa for row in t.cutoff_images]
    areas = [area[row.path] for row in t.cutoff_images]
    if len(scores) < 3 or len(set(areas)) < 2 or len(set(scores)) < 2:
        return 0.0
    return float(np.corrcoef(_ranks(scores), _ranks(areas))[0, 1])


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return means


def samples(rows: Sequence[Decision]) -> dict[str, Sequence[Decision]]:
    """What one looks at to judge a cutoff: by name, none of them empty. The last kept and the first
    dropped are those of each section, which may have a cut of its own."""
    sections = sorted({row.section for row in rows})
    share = max(1, SHOWN // len(sections))
    last_kept, first_dropped = [], []
    for section in sections:
        own = [row for row in rows if row.section == section]
        last_kept += [row for row in own if row.kept][-share:]
        first_dropped += [row for row in own if not row.kept][:share]
    every = {
        "best": rows[:SHOWN],
        "worst": rows[-SHOWN:],
        "last kept": sorted(last_kept),
        "first dropped": sorted(first_dropped),
    }
    return {name: some for name, some in every.items() if some}


def what_if_by_section(rows: Sequence[Decision]) -> list[tuple[object, ...]]:
    """`what_if` of all and, where there are several, of each section, whose name comes first."""
    sections = sorted({row.section for row in rows})
    table: list[tuple[object, ...]] = [("all", *line) for line in what_if(rows)]
    for section in sections if len(sections) > 1 else ():
        own = [row for row in rows if row.section == section]
        table += [(section, *line) for line in what_if(own)]
    return table
