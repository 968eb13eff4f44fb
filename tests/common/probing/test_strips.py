"""Pictures of the probe: which photographs, and where in them."""

import numpy as np

from stages.common.measures.luma import luma
from stages.common.probing import equations, filters, strips
from stages.common.probing.strips import GAP, LARGER
from stages.common.rows import ProbedImage
from tests.conftest import blobs, noise


def test_the_worst_and_the_best_are_shown_by_the_most_classes() -> None:
    rows = [ProbedImage(f"{i}.png", 48, 30, 31 + i, 32, 31) for i in range(9)]
    rows += [ProbedImage(f"{i}.png", 12, 30, 31 - i, 32, 31) for i in range(9)]
    assert strips.chosen(rows) == ["0.png", "1.png", "7.png", "8.png"]


def test_a_strip_is_cut_where_the_sets_differ_most() -> None:
    hr = luma(blobs(300, 400)).copy()
    hr[140:260, 200:320] = luma(noise(120, 120))
    some = filters.solved(equations.of_tile(hr), 12)
    found = strips.strip(hr, some, 0.9 * some)
    side = strips.CUT * LARGER
    assert found.shape == (side, 4 * side + 3 * GAP, 3)
    shown = found[::LARGER, -side::LARGER, 0]
    places = [
        (top, left)
        for top in range(0, 300, 64)
        for left in range(0, 400, 64)
        if np.array_equal(hr[top : top + 128, left : left + 128], shown)
    ]
    assert places == [(128, 192)]
