"""Count what was kept, and what other cutoffs would keep, for who chooses one. Reads tables only.

Takes:  cutoff_images.csv, cutoff_subimages.csv, subimages.csv; what the cutoffs' rules ask for:
        measures, neighbours.csv, the scores of the references; the section `cutoff`.
Leaves: metrics.json, the set in the figures that experiments are compared by; what_if.csv
        (`WhatIf`), the figures of other counts and scores, and of each rule;
        plots/*.csv, for `dvc plots`.
Rule:   it decides nothing. An experiment ends here: what comes after only writes the set.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.common import figures, files, ranking, tables
from stages.common import what_if as others
from stages.common.cli import run
from stages.common.columns import Mask, Numbers
from stages.common.cutoff_params import CutoffParams
from stages.common.cutoffs import decide
from stages.common.ranking import IMAGES, TILES, Files
from stages.common.rows import Score
from stages.common.what_if import WhatIf

POINTS = 2000  # of a curve, at most


class Curve(NamedTuple):
    """A row of plots/images.csv and plots/subimages.csv."""

    rank: int
    hyperiqa: float
    kept: bool


def curve(scores: Numbers, kept: Mask) -> list[Curve]:
    """Scores by rank, thinned out evenly to about `POINTS` rows."""
    step = max(1, -(-scores.size // POINTS))
    places = range(0, scores.size, step)
    values = zip(places, scores[::step].tolist(), kept[::step].tolist(), strict=True)
    return [Curve(place + 1, score, is_kept) for place, score, is_kept in values]


def main(
    images: Path,
    subimages: Path,
    photographs: Path,
    tiles: Path,
    image_measures: Path,
    tile_measures: Path,
    neighbours: Path,
    image_reference: Path,
    tile_reference: Path,
    metrics: Path,
    what_if: Path,
    plots: Path,
    cutoff: CutoffParams,
) -> None:
    cutoff = cutoff.measured(
        images=tables.read(image_reference, Score), subimages=tables.read(tile_reference, Score)
    )
    curves, tried = {}, {}
    for which, its, decisions, limit in (
        (IMAGES, Files(photographs, image_measures, neighbours), images, cutoff.images),
        (TILES, Files(tiles, tile_measures, neighbours), subimages, cutoff.subimages),
    ):
        with ranking.decided(which, its, decisions, limit, metrics.parent) as (c, mask):
            curves[which] = curve(c.hyperiqa, mask)
            tried[which] = others.what_if(which, c, limit)
    if not np.array_equal(decide(c, limit).kept, mask):
        raise AssertionError("the figures are not of what the cutoff has kept")
    files.new_folder(plots)
    for which, points in curves.items():
        tables.write(plots / f"{which}.csv", Curve, points)
    tables.write(what_if, WhatIf, [*tried[TILES], *tried[IMAGES]])
    tables.write_numbers(metrics, figures.metrics(c, mask, limit.report_at))
    kept = figures.of(c, mask)
    print(
        f"{kept.images:,} tiles of {kept.photographs:,} photographs, at most "
        f"{kept.largest_photograph:.1%} from one · hyperiqa mean {kept.mean:.6f}, lowest "
        f"{kept.lowest:.6f}"
    )


if __name__ == "__main__":
    run(main)
