"""Count what was kept, and what other cutoffs would keep, for who chooses one. Reads tables only.

Takes:  cutoff_images.csv, cutoff_subimages.csv, subimages.csv; what the cutoffs' rules ask for:
        measures, neighbours.csv, the scores of the references; the section `cutoff`.
Leaves: metrics.json, the set in the figures that experiments are compared by; what_if.csv
        (`WhatIf`), the figures of other counts and scores, and of each rule;
        plots/*.csv, for `dvc plots`.
Rule:   it decides nothing. An experiment ends here: what comes after only writes the set.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common import figures, files, tables
from stages.common import what_if as others
from stages.common.cli import run
from stages.common.cutoff_params import CutoffParams
from stages.common.cutoffs import of_images, of_tiles
from stages.common.rows import Decision, ImageMeasures, Neighbours, Score, Tile, TileMeasures
from stages.common.what_if import WhatIf

POINTS = 2000  # of a curve, at most


class Curve(NamedTuple):
    """A row of plots/images.csv and plots/subimages.csv."""

    rank: int
    hyperiqa: float
    kept: bool


def curve(rows: Sequence[Decision]) -> list[Curve]:
    """Scores by rank, thinned out evenly to about `POINTS` rows."""
    step = -(-len(rows) // POINTS)
    return [Curve(row.rank, row.hyperiqa, row.kept) for row in rows[::step]]


def main(
    images: Path,
    subimages: Path,
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
    rows = {"images": tables.read(images, Decision), "subimages": tables.read(subimages, Decision)}
    cutoff = cutoff.measured(
        images=tables.read(image_reference, Score), subimages=tables.read(tile_reference, Score)
    )
    known = {
        "images": of_images(
            tables.read(image_measures, ImageMeasures),
            tables.read(neighbours, Neighbours),
            cutoff.images,
        ),
        "subimages": of_tiles(
            tables.read(tile_measures, TileMeasures), tables.read(tiles, Tile), cutoff.subimages
        ),
    }
    columns = {which: figures.columns(decided, known[which]) for which, decided in rows.items()}
    limit, c = cutoff.subimages, columns["subimages"]
    mask = figures.chosen(c, limit)
    if mask.tolist() != [row.kept for row in rows["subimages"]]:
        raise AssertionError("the figures are not of what the cutoff has kept")
    tried = [
        *others.what_if("subimages", c, limit),
        *others.what_if("images", columns["images"], cutoff.images),
    ]
    files.new_folder(plots)
    for which, decided in rows.items():
        tables.write(plots / f"{which}.csv", Curve, curve(decided))
    tables.write(what_if, WhatIf, tried)
    tables.write_numbers(metrics, figures.metrics(c, mask, limit.report_at))
    kept = figures.of(c, mask)
    print(
        f"{kept.images:,} tiles of {kept.photographs:,} photographs, at most "
        f"{kept.largest_photograph:.1%} from one · hyperiqa mean {kept.mean:.6f}, lowest "
        f"{kept.lowest:.6f}"
    )


if __name__ == "__main__":
    run(main)
