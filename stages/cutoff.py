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
        `per_photograph` kept ones of it or after the share of its scale; one after the `count` kept
        ones of its source, whose `min_score` is a floor, too; and what comes after `count` kept
        ones. null is no limit. A section of `per_section` overrides what it names:
        with a `count` of its own it is a group of its own, all the others together are one; a
        count of 0 leaves it out. `min_score: {reference: F}` is the mean score of the images in F,
        a folder below data/reference.
Source: Phhofm, Guides/DatasetPreparation.md, https://github.com/Phhofm/models; what is alike and
        what overlaps is dropped as variety is worth more than a few best scores (DiverSeg, ECCV
        2024, arXiv 2409.00768).
"""

from pathlib import Path

import numpy as np

from stages.common import cutoff_checks, decision_table, figures, ranking, tables
from stages.common import leave_out as by_hand
from stages.common.cli import run
from stages.common.columns import Columns, Mask
from stages.common.cutoff_params import CutoffParams, Reserved
from stages.common.rows import Score


def summary(c: Columns, kept: Mask, report_at: float | None) -> dict[str, float]:
    """The counted one looks at to choose a cutoff."""
    scores = c.hyperiqa[kept]
    counted: dict[str, float] = {
        "images": c.size,
        "kept": scores.size,
        "mean": figures.mean(scores),
        "min": float(scores[-1]),
        "max": float(scores[0]),
        "bytes": int(c.bytes[kept].sum()),
    }
    if report_at is not None:
        counted["reach"] = int(np.count_nonzero(c.hyperiqa >= report_at))
    return counted


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
    its = ranking.Files(table, measures, neighbours)
    apart = (validation.picks, by_hand.read(leave_out))
    with ranking.scored(which, its, scores, cutoff, decisions.parent, *apart) as ranked:
        decided = cutoff_checks.decided(ranked.columns, cutoff, f"cutoff.{which}")
        counted = summary(ranked.columns, decided.kept, cutoff.report_at)
        decision_table.write(decisions, ranked, decided)
    tables.write_numbers(numbers, counted)
    reach = f" · {counted['reach']:,} reach {cutoff.report_at:g}" if "reach" in counted else ""
    print(
        f"kept {counted['kept']:,} of {counted['images']:,} {which} · hyperiqa mean "
        f"{counted['mean']:.6f}, min {counted['min']:.6f}, max {counted['max']:.6f} · "
        f"{counted['bytes'] / 1e6:,.1f} MB{reach}"
    )


if __name__ == "__main__":
    run(main)
