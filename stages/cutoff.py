"""Rank, keep the best, and give every other image a reason. Reads tables only.

Takes:  a table with path, section, sha256 and bytes, of tiles also their boxes; its scores and
        measures; of photographs those that are alike, neighbours.csv; leave_out.csv, written by
        hand; the scores of the references, as of photographs or as of tiles.
Leaves: a table of decisions (`Decision`), best first: every image, kept or with the first rule that
        it fails and its value.
Rule:   ranked by score, ties by path. In this order: an image that `validation.picks` names is
        reserved; one that leave_out.csv names, by its path or its SHA-256, is dropped; so is one
        beyond one of `limits`, or below `min_score`. The others are asked in turn, best first: a
        photograph that is nearly the same picture as a kept one is dropped, a tile that shares
        more than `overlap` with a kept one of its photograph and scale, or comes after
        `per_photograph` kept ones of it or after the share of its scale; and what comes after
        `count` kept ones. null is no limit. A section of `per_section` overrides what it names:
        with a `count` of its own it is a group of its own, all the others together are one; a
        count of 0 leaves it out. `min_score: {reference: F}` is the mean score of the images in F,
        a folder below data/reference.
Source: Phhofm, Guides/DatasetPreparation.md, https://github.com/Phhofm/models; what is alike and
        what overlaps is dropped as variety is worth more than a few best scores (DiverSeg, ECCV
        2024, arXiv 2409.00768).
"""

from collections.abc import Sequence
from pathlib import Path

from stages.common import leave_out as by_hand
from stages.common import tables
from stages.common.cli import run
from stages.common.cutoff_params import CutoffParams, Reserved
from stages.common.cutoffs import Known, decided, of_images, of_tiles, ranked
from stages.common.rows import (
    Candidate,
    Decision,
    ImageMeasures,
    Neighbours,
    Score,
    Tile,
    TileMeasures,
)


def summary(rows: Sequence[Decision], report_at: float | None) -> dict[str, float]:
    """The counted one looks at to choose a cutoff."""
    kept = [row for row in rows if row.kept]
    values = [row.hyperiqa for row in kept]
    counted: dict[str, float] = {
        "images": len(rows),
        "kept": len(kept),
        "mean": tables.mean(values),
        "min": min(values),
        "max": max(values),
        "bytes": sum(row.bytes for row in kept),
    }
    if report_at is not None:
        counted["reach"] = sum(row.hyperiqa >= report_at for row in rows)
    return counted


def read(
    which: str, table: Path, measures: Path, neighbours: Path, params: CutoffParams
) -> tuple[list[Candidate], Known]:
    """The images, and what the rules ask of them beside their scores."""
    if which == "images":
        measured = tables.read(measures, ImageMeasures)
        pairs = tables.read(neighbours, Neighbours)
        return tables.read(table, Candidate), of_images(measured, pairs, params.images)
    tiles, of_each = tables.read(table, Tile), tables.read(measures, TileMeasures)
    size = {row.path: row.bytes for row in of_each}
    candidates = [Candidate(t.path, t.section, t.pixels, size[t.path]) for t in tiles]
    return candidates, of_tiles(of_each, tiles, params.subimages)


def main(
    which: str,
    table: Path,
    scores: Path,
    measures: Path,
    neighbours: Path,
    leave_out: Path,
    reference: Path,
    decisions: Path,
    numbers: Path,
    params: CutoffParams,
    validation: Reserved,
) -> None:
    good = tables.read(reference, Score)
    params = params.measured(images=good, subimages=good)  # one of the two is used
    cutoff = {"images": params.images, "subimages": params.subimages}[which]
    candidates, known = read(which, table, measures, neighbours, params)
    rows = ranked(candidates, tables.read(scores, Score))
    left_out = by_hand.read(leave_out)
    rows = decided(rows, cutoff, f"cutoff.{which}", known, validation.picks, left_out)
    counted = summary(rows, cutoff.report_at)
    tables.write(decisions, Decision, rows)
    tables.write_numbers(numbers, counted)
    reach = f" · {counted['reach']:,} reach {cutoff.report_at:g}" if "reach" in counted else ""
    print(
        f"kept {counted['kept']:,} of {counted['images']:,} {which} · hyperiqa mean "
        f"{counted['mean']:.6f}, min {counted['min']:.6f}, max {counted['max']:.6f} · "
        f"{counted['bytes'] / 1e6:,.1f} MB{reach}"
    )


if __name__ == "__main__":
    run(main)
