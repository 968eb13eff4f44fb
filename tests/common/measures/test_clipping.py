"""Clipping: counted to the pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stages.common.measures.clipping import black, white
from stages.common.pixels.images import Pixels
from tests.common.measures.planted import SMALL, flat
from tests.conftest import noise

near_the_ends = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.sampled_from([0, 1, 2, 253, 254, 255]),
)  # fmt: skip


@given(near_the_ends)
def test_a_pixel_is_clipped_where_all_its_channels_are(pixels: Pixels) -> None:
    rows = pixels.reshape(-1, 3).tolist()
    assert white(pixels) == sum(min(row) >= 254 for row in rows) / len(rows)
    assert black(pixels) == sum(max(row) <= 1 for row in rows) / len(rows)


def test_a_photograph_with_a_white_half() -> None:
    pixels = noise(200, 100)
    pixels[:100] = 255
    pixels[150:, :50] = 0
    assert white(pixels) == pytest.approx(0.5, abs=1e-3)
    assert black(pixels) == pytest.approx(0.125, abs=1e-3)


@pytest.mark.parametrize("size", SMALL)
def test_small_pictures_have_an_answer(size: tuple[int, int]) -> None:
    assert (white(flat(*size, 255)), black(flat(*size, 255))) == (1, 0)
    assert (white(flat(*size, 0)), black(flat(*size, 0))) == (0, 1)
    assert (white(flat(*size)), black(flat(*size))) == (0, 0)
