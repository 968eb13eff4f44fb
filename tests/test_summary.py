"""Summary: the figures of what was kept, of other cutoffs, and the curves."""

import json
from pathlib import Path

import numpy as np
import pytest

from stages import summary
from stages.common import tables
from stages.common.cutoff_params import Cutoff, CutoffParams, SectionCutoff
from stages.common.rows import (
    Decision,
    ImageMeasures,
    Neighbours,
    Score,
    Tile,
    TileMeasures,
)
from stages.common.what_if import NOW, WhatIf
from stages.summary import Curve, curve
from tests.row_by_row import Candidate
from tests.strategies import of_photographs, of_pieces


def decision(rank: int, kept: bool) -> Decision:
    reason = "" if kept else "below the best 2"
    return Decision(rank, f"s/{rank}", "s", "", 500, round(1 / rank, 6), kept, reason, "")


def candidate(row: Decision) -> Candidate:
    return Candidate(row.path, row.section, row.sha256, row.bytes)


def tile(row: Decision) -> Tile:
    photograph = f"s/{row.rank % 2}"
    return Tile(row.path, "s", "", "", "1", 80, 80, 0, 0, 8, 8, photograph, photograph)


def cutoff_of(count: int, **per_section: SectionCutoff) -> Cutoff:
    return Cutoff(count=count, min_score=None, report_at=0.25, limits={}, per_section=per_section)


def params_of(tiles: int) -> CutoffParams:
    return CutoffParams(images=of_photographs(cutoff_of(2)), subimages=of_pieces(cutoff_of(tiles)))


def made(folder: Path, params: CutoffParams, tiles: int = 6) -> None:
    rows = [decision(rank, rank <= 2) for rank in range(1, tiles + 1)]
    photographs = [decision(1, True), decision(2, True)]
    tables.write(folder / "images.csv", Decision, photographs)
    tables.write(folder / "photographs.csv", Candidate, [candidate(row) for row in photographs])
    tables.write(folder / "cut.csv", Decision, rows)
    tables.write(folder / "tiles.csv", Tile, [tile(row) for row in rows])
    tables.write(folder / "reference.csv", Score, [])
    measured = [ImageMeasures(r.path, "", 0.0, 0.1, 0.0, 0.0, 0.0, 90) for r in photographs]
    tables.write(folder / "image_measures.csv", ImageMeasures, measured)
    measures = [TileMeasures(row.path, "", 1.0, 0.0, 0.0, row.bytes) for row in rows]
    tables.write(folder / "tile_measures.csv", TileMeasures, measures)
    tables.write(folder / "neighbours.csv", Neighbours, [])
    inputs = ("images.csv", "cut.csv", "photographs.csv", "tiles.csv", "image_measures.csv")
    inputs += ("tile_measures.csv", "neighbours.csv", "reference.csv", "reference.csv")
    outputs = ("metrics.json", "what_if.csv", "plots")
    summary.main(*(folder / name for name in inputs + outputs), params)


@pytest.mark.parametrize(("count", "step"), [(1, 1), (2000, 1), (2001, 2), (9999, 5)])
def test_a_long_curve_is_thinned_out_evenly(count: int, step: int) -> None:
    rows = [decision(rank, kept=rank % 2 == 0) for rank in range(1, count + 1)]
    scores, kept = ([getattr(row, name) for row in rows] for name in ("hyperiqa", "kept"))
    assert curve(np.array(scores), np.array(kept)) == [
        Curve(rank, round(1 / rank, 6), rank % 2 == 0) for rank in range(1, count + 1, step)
    ]


def test_it_leaves_metrics_what_if_and_curves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, params_of(2))
    assert json.loads((tmp_path / "metrics.json").read_text()) == {
        "tiles": 2,
        "mean": 0.75,
        "lowest": 0.5,
        "reach": 4,
        "GB": 0.0,
        "photographs": 2,
        "largest_photograph": 0.5,
        "sections": {"s": 1.0},
        "scales": {"1": 1.0},
    }
    lines = tables.read(tmp_path / "what_if.csv", WhatIf)
    assert {line.which for line in lines} == {"images", "subimages"}
    now = next(line for line in lines if line.which == "subimages" and line.by == NOW)
    assert (now.images, now.mean, now.scales) == (2, 0.75, "1 100%")
    assert len(tables.read(tmp_path / "plots" / "images.csv", Curve)) == 2
    assert len(tables.read(tmp_path / "plots" / "subimages.csv", Curve)) == 6
    assert capsys.readouterr().out == (
        "2 tiles of 2 photographs, at most 50.0% from one · hyperiqa mean 0.750000, lowest "
        "0.500000\n"
    )


def test_figures_of_another_cutoff_than_the_table_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="not of what the cutoff has kept"):
        made(tmp_path, params_of(3))
