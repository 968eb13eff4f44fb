"""Count what was kept, and what other cutoffs would keep, for who chooses one. Reads tables only.

Takes:  cutoff_images.csv, cutoff_subimages.csv, subimages.csv; the scores of the references; the
        section `cutoff`.
Leaves: metrics.json, the set in the figures that experiments are compared by; what_if.csv
        (`WhatIf`), the figures of other counts and scores; plots/*.csv, for `dvc plots`.
Rule:   it decides nothing. An experiment ends here: what comes after only writes the set.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common import figures, files, tables
from stages.common.cli import run
from stages.common.cutoffs import CutoffParams
from stages.common.figures import WhatIf
from stages.common.rows import Decision, Score, Tile

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
    image_reference: Path,
    tile_reference: Path,
    metrics: Path,
    what_if: Path,
    plots: Path,
    cutoff: CutoffParams,
) -> None:
    rows = {"images": tables.read(images, Decision), "subimages": tables.read(subimages, Decision)}
    by_path = {tile.path: tile for tile in tables.read(tiles, Tile)}
    columns = {
        "images": figures.columns(rows["images"]),
        "subimages": figures.columns(rows["subimages"], by_path),
    }
    cutoff = cutoff.measured(
        images=tables.read(image_reference, Score), subimages=tables.read(tile_reference, Score)
    )
    limit, c = cutoff.subimages, columns["subimages"]
    mask = figures.chosen(c, limit)
    if mask.tolist() != [row.kept for row in rows["subimages"]]:
        raise AssertionError("the figures are not of what the cutoff has kept")
    others = [
        line
        for which, rule in (("subimages", limit), ("images", cutoff.images))
        for line in figures.what_if(which, columns[which], rule)
    ]
    files.new_folder(plots)
    for which, decided in rows.items():
        tables.write(plots / f"{which}.csv", Curve, curve(decided))
    tables.write(what_if, WhatIf, others)
    tables.write_numbers(metrics, figures.metrics(c, mask, limit.report_at))
    kept = figures.of(c, mask)
    print(
        f"{kept.images:,} tiles of {kept.photographs:,} photographs, at most "
        f"{kept.largest_photograph:.1%} from one · hyperiqa mean {kept.mean:.6f}, lowest "
        f"{kept.lowest:.6f}"
    )


if __name__ == "__main__":
    run(main)
