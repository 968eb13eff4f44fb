"""What stages have listed, and which images one looks at to judge a cutoff: for the report."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.common import tables
from stages.common.correlation import rank_correlation
from stages.common.cutoffs import BY_RANK, EARLIER
from stages.common.pages import thumbnails
from stages.common.pages.sampled import Sample
from stages.common.pages.thumbnails import Place
from stages.common.rows import (
    Collected,
    Decision,
    Photograph,
    Rejected,
    Scaled,
    Source,
    Tile,
    Validation,
)

SHOWN = 24  # pictures on a contact sheet
MOST_PARTS = 12  # sections, and scales, that have a contact sheet of their own: the largest


class Tables(NamedTuple):
    """All that stages have listed, a field a table; `validation` has the photographs alone."""

    gathered_images: list[Photograph]
    sources_images: list[Source]
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
    sample: Sample | None = None  # of tiles; None where all are listed

    @property
    def tiles_by_reason(self) -> Counter[str]:
        """How many tiles, of all, are dropped for which reason; "" stands for those kept."""
        if self.sample:
            return self.sample.reasons
        return Counter(row.reason for row in self.cutoff_subimages)

    @property
    def tile_places(self) -> dict[str, Place]:
        """Where the thumbnails of the listed tiles are, by path."""
        return self.sample.thumbnails if self.sample else thumbnails.places(self.subimages)


def read(folder: Path, sample: Sample | None = None) -> Tables:
    """Read the tables of a folder; of tiles no more than a sample, where there is one."""

    def rows(name: str, row_type: type[Any]) -> list[Any]:
        return tables.read(folder / f"{name}.csv", row_type)

    return Tables(
        gathered_images=rows("gathered_images", Photograph),
        sources_images=rows("sources_images", Source),
        unreadable_images=rows("unreadable_images", Rejected),
        screened=rows("screened", Photograph),
        rejected=rows("rejected", Rejected),
        cutoff_images=rows("cutoff_images", Decision),
        collected=rows("collected", Collected),
        validation=[row for row in rows("validation", Validation) if row.scale == "hr"],
        multiscale=rows("multiscale", Scaled),
        multiscale_rejected=rows("multiscale_rejected", Rejected),
        subimages=sample.tiles if sample else rows("subimages", Tile),
        subimages_rejected=rows("subimages_rejected", Rejected),
        cutoff_subimages=sample.decisions if sample else rows("cutoff_subimages", Decision),
        sample=sample,
    )


def size_correlation(t: Tables) -> float:
    """Spearman's rank correlation of the photographs' scores and megapixels, -1..1; 0 where there
    are too few to tell."""
    area = {row.path: row.width * row.height for row in t.screened}
    scores = [row.hyperiqa for row in t.cutoff_images]
    areas = [area[row.path] for row in t.cutoff_images]
    found = rank_correlation(scores, areas) if len(scores) >= 3 else None
    return 0.0 if found is None else found


def samples(
    rows: Sequence[Decision], pixels: Mapping[str, int], scales: Mapping[str, str] | None = None
) -> dict[str, list[Decision]]:
    """What one looks at to judge a cutoff: by name, none of them empty.

    The last kept and the first dropped are those of each section, which may have a cut of its own.
    What a rule drops is shown by reason; what is like a kept image is followed by that one.
    The smallest by bytes per pixel are flat, blurred or over-compressed. Sections, and `scales`,
    are shown by kept images at even steps from the best to the last.

    Args:
        rows: decided images, best first.
        pixels: of each image, by path.
        scales: of each image, by path, where they have one.
    """
    kept = [row for row in rows if row.kept]
    sections = by_part(rows, lambda row: row.section)
    share = max(1, SHOWN // len(sections))
    last_kept, first_dropped = [], []
    for own in sections.values():
        last_kept += [row for row in own if row.kept][-share:]
        first_dropped += [row for row in own if row.reason.startswith(BY_RANK)][:share]
    found = {
        "best": list(rows[:SHOWN]),
        "last kept": sorted(last_kept),
        "first dropped": sorted(first_dropped),
        "worst": list(rows[-SHOWN:]),
        "fewest bytes per pixel": sorted(
            kept, key=lambda row: (row.bytes / pixels[row.path], row.path)
        )[:SHOWN],
    }
    for reason, own in by_part(rows, lambda row: row.reason).items():
        if reason and reason not in EARLIER and not reason.startswith(BY_RANK):
            found[f"dropped: {reason}"] = with_likes(evenly(own), rows)
    for name, own in largest(by_part(kept, lambda row: row.section)).items():
        found[f"section {name}"] = evenly(own)
    if scales is not None:
        for name, own in largest(by_part(kept, lambda row: scales[row.path])).items():
            found[f"scale {name}"] = evenly(own)
    return {name: some for name, some in found.items() if some}


def with_likes(some: Sequence[Decision], rows: Sequence[Decision]) -> list[Decision]:
    """Dropped images, at most `SHOWN` rows, each followed by the kept one that its detail names."""
    by_path = {row.path: row for row in rows}
    found = []
    for row in some:
        other = by_path.get(row.detail.partition(": ")[2])
        found += [row] if other is None else [row, other]
    return found[:SHOWN]


def by_part(rows: Sequence[Decision], part: Any) -> dict[str, list[Decision]]:
    """The rows of each part, the parts by name."""
    parts: dict[str, list[Decision]] = {}
    for row in rows:
        parts.setdefault(part(row), []).append(row)
    return dict(sorted(parts.items()))


def largest(parts: dict[str, list[Decision]]) -> dict[str, list[Decision]]:
    """At most `MOST_PARTS` of them, the largest, by name."""
    first = sorted(parts, key=lambda name: (-len(parts[name]), name))[:MOST_PARTS]
    return {name: parts[name] for name in sorted(first)}


def evenly(rows: Sequence[Decision]) -> list[Decision]:
    """At most `SHOWN` rows, at even steps from the first to the last."""
    if len(rows) <= SHOWN:
        return list(rows)
    return [rows[i * (len(rows) - 1) // (SHOWN - 1)] for i in range(SHOWN)]
