"""Figures: a choice counted by columns is the choice that the cutoff makes, to the last digit."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.common import figures, tables
from stages.common.cutoff_params import Cutoff
from stages.common.cutoffs import decide
from stages.common.rows import Decision, Score, Tile
from tests.row_by_row import NOTHING, Candidate, Known, columns, ranked
from tests.strategies import scored_images

Images = tuple[list[Candidate], list[Score]]
LIMITS = Cutoff(count=2, min_score=None, report_at=0.5, limits={}, per_section={})


def tile(row: Decision, photograph: str, scale: str = "1") -> Tile:
    return Tile(row.path, row.section, "", "", scale, 80, 80, 0, 0, 8, 8, photograph, photograph)


def decision(rank: int, score: float, section: str = "s", size: int = 10) -> Decision:
    return Decision(rank, f"{section}/{rank}", section, "", size, score, True, "", "")


def of_pieces(rows: list[Decision], names: list[str] | str, scale: str = "1") -> Known:
    return Known({}, {}, {r.path: tile(r, n, scale) for r, n in zip(rows, names, strict=True)})


@given(scored_images(), st.data())
def test_figures_are_those_of_the_kept_rows(drawn: Images, data: st.DataObject) -> None:
    rows = ranked(*drawn)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    assume(mask.any())
    names = data.draw(st.lists(st.sampled_from("pqr"), min_size=len(rows), max_size=len(rows)))
    known = of_pieces(rows, names)
    kept = [row for row, keep in zip(rows, mask, strict=True) if keep]
    photographs = [known.tiles[row.path].photograph for row in kept]
    found = figures.of(columns(rows, known), mask)
    exact = sum(Fraction(str(row.hyperiqa)) for row in kept) / len(kept)
    assert abs(Fraction(found.mean) - exact) <= Fraction(500001, 10**12)
    assert found.mean == tables.mean([row.hyperiqa for row in kept])
    assert found.lowest == kept[-1].hyperiqa
    assert (found.images, found.bytes) == (len(kept), sum(row.bytes for row in kept))
    assert found.photographs == len(set(photographs))
    largest = max(map(photographs.count, photographs))
    assert found.largest_photograph == round(largest / len(kept), 6)
    for section, share in found.sections.items():
        assert share == round(sum(r.section == section for r in kept) / len(kept), 6)
    assert found.sections.keys() == {row.section for row in rows}
    assert found.scales == {"1": 1.0}


def test_without_tiles_each_image_is_a_photograph() -> None:
    rows = [decision(1, 0.75), decision(2, 0.5)]
    found = figures.of(columns(rows, NOTHING), np.array([True, True]))
    assert (found.photographs, found.largest_photograph, found.scales) == (2, 0.5, {})


def test_metrics_are_in_the_terms_of_the_guide() -> None:
    rows = [decision(i + 1, 0.9 - i / 10, size=10**8) for i in range(5)]
    tiles = {
        row.path: tile(row, row.path[-1], "0.75" if i % 2 else "1") for i, row in enumerate(rows)
    }
    c = columns(rows, Known({}, {}, tiles))
    mask = decide(c, LIMITS).kept
    assert figures.metrics(c, mask, 0.65) == {
        "tiles": 2,
        "mean": 0.85,
        "lowest": 0.8,
        "reach": 3,
        "GB": 0.2,
        "photographs": 2,
        "largest_photograph": 0.5,
        "sections": {"s": 1.0},
        "scales": {"0.75": 0.5, "1": 0.5},
    }
    assert "reach" not in figures.metrics(c, mask, None)


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.3], [0.000001], [0.999999, 0.000001, 0.5]])
def test_the_mean_is_exact(scores: list[float]) -> None:
    assert tables.mean(scores) == round(math.fsum(scores) / len(scores), 6)
