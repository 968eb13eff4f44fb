"""The picture of a card: tiles at even distances, none enlarged, in their order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.archive.mosaic import COLUMNS, GAP, MOST, PAPER, SIDE, chosen, mosaic
from stages.common.errors import UserError
from stages.common.pixels import png
from tests.common.archive.sets import lineage
from tests.conftest import noise, sha256_of_png

ROWS = [lineage(i) for i in range(3)]


@given(st.integers(1, 300))
def test_the_first_and_the_last_and_even_distances_between(number: int) -> None:
    rows = [ROWS[0]._replace(name=str(i)) for i in range(number)]
    names = [int(row.name) for row in chosen(rows)]
    assert len(names) == min(MOST, number)
    assert (names[0], names[-1]) == (0, number - 1)
    steps = np.diff(names)
    assert number == 1 or 1 <= steps.min() <= steps.max() <= steps.min() + 1


def test_a_tile_stands_in_the_middle_of_its_square(tmp_path: Path) -> None:
    rows = [lineage(i) for i in range(COLUMNS + 1)]
    for i, row in enumerate(rows):
        png.write(tmp_path / row.name, noise(row.height, row.width, i))
    picture = mosaic(tmp_path, rows)
    assert picture.shape == (GAP + 2 * (SIDE + GAP), GAP + COLUMNS * (SIDE + GAP), 3)
    middle = (SIDE - rows[0].width) // 2
    for i, row in enumerate(rows):
        top = GAP + i // COLUMNS * (SIDE + GAP) + middle
        left = GAP + i % COLUMNS * (SIDE + GAP) + middle
        piece = picture[top : top + row.height, left : left + row.width]
        assert np.array_equal(piece, noise(row.height, row.width, i))
        picture[top : top + row.height, left : left + row.width] = PAPER
    assert (picture == PAPER).all()


def test_large_tiles_are_shrunk(tmp_path: Path) -> None:
    png.write(tmp_path / "0.png", noise(SIDE * 2, SIDE * 2))
    row = ROWS[0]._replace(sha256=sha256_of_png(noise(SIDE * 2, SIDE * 2)))
    assert mosaic(tmp_path, [row]).shape == (SIDE + 2 * GAP, SIDE + 2 * GAP, 3)


def test_a_tile_that_has_changed_is_not_shown(tmp_path: Path) -> None:
    png.write(tmp_path / "0.png", noise(32, 32, 99))
    with pytest.raises(UserError, match="has changed since it was listed"):
        mosaic(tmp_path, [ROWS[0]])
