"""Blocks: JPEG's grid is seen wherever it begins, and nothing else is taken for one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.common.measures.blocks import MOST, UNIT, blocks
from stages.common.pixels.images import Pixels
from tests.common.measures.planted import (
    SMALL,
    auc,
    compressed,
    each,
    enlarged,
    flat,
    noisy,
)
from tests.conftest import noise

LIMIT = 0.05  # what photographs may have, by default


def squares(height: int, width: int, size: int, step: int, seed: int = 0) -> Pixels:
    """Squares of two greys, by chance."""
    shape = (-(-height // size), -(-width // size))
    greys = 100 + step * np.random.default_rng(seed).integers(0, 2, shape)
    whole = np.kron(greys, np.ones((size, size)))[:height, :width]
    return np.repeat(whole[:, :, None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def at_75(clean: list[Pixels]) -> list[Pixels]:
    return [compressed(pixels, 75) for pixels in clean]


def test_compression_is_told_from_none_by_one_limit(
    clean: list[Pixels], at_75: list[Pixels]
) -> None:
    assert max(each(blocks, clean)) < LIMIT / 5
    assert min(each(blocks, at_75)) > LIMIT


@pytest.mark.parametrize(("quality", "least"), [(95, 0.95), (90, 0.98), (85, 0.99), (30, 1.0)])
def test_compression_is_seen_also_where_it_is_light(
    clean: list[Pixels], quality: int, least: float
) -> None:
    found = [compressed(pixels, quality) for pixels in clean]
    assert auc(each(blocks, clean), each(blocks, found)) >= least


def test_photographs_as_cameras_write_them_pass(clean: list[Pixels]) -> None:
    assert max(each(blocks, [compressed(pixels, 95) for pixels in clean])) < LIMIT


def test_where_the_grid_begins_makes_no_difference(at_75: list[Pixels]) -> None:
    whole = each(blocks, at_75)
    for top, left in ((3, 5), (7, 1)):
        cut = each(blocks, [pixels[top:, left:] for pixels in at_75])
        assert np.abs(np.subtract(cut, whole)).max() < 0.02


def test_the_worse_the_quality_the_higher(clean: list[Pixels]) -> None:
    medians = [
        np.median(each(blocks, [compressed(pixels, quality) for pixels in clean]))
        for quality in (95, 85, 75, 50)
    ]
    assert medians == sorted(medians)


@given(st.integers(0, 7), st.integers(0, 7), st.integers(1, 40))
def test_a_plain_grid_is_seen_at_every_place(top: int, left: int, step: int) -> None:
    found = blocks(squares(160, 168, 8, step)[top:, left:])
    assert found > min(step, MOST) / UNIT / 4


def test_a_finer_grid_is_not_jpegs() -> None:
    assert blocks(squares(400, 400, 2, 8)) < LIMIT / 2


def test_a_second_grid_does_not_hide_the_first(clean: list[Pixels], at_75: list[Pixels]) -> None:
    again = each(blocks, [compressed(pixels[3:, 5:], 95) for pixels in at_75])
    assert auc(each(blocks, clean), again) > 0.99


def test_what_is_enlarged_without_a_filter_has_no_grid(clean: list[Pixels]) -> None:
    for filter_ in (Image.Resampling.NEAREST, Image.Resampling.BICUBIC):
        assert max(each(blocks, [enlarged(p, 2, filter_) for p in clean])) < LIMIT / 2


def test_noise_alone_is_no_grid() -> None:
    assert blocks(noise(512, 512)) < LIMIT / 5
    assert blocks(noisy(flat(512, 512), 3)) < LIMIT / 5


def test_brightness_and_sides_make_no_difference(at_75: list[Pixels]) -> None:
    pixels = at_75[3][:307, :323] // 2
    found = blocks(pixels)
    assert blocks(pixels + np.uint8(100)) == found
    assert blocks(pixels.swapaxes(0, 1)) == pytest.approx(found, abs=1e-12)
    assert blocks(pixels[::-1, ::-1]) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("size", SMALL)
def test_small_pictures_have_an_answer(size: tuple[int, int]) -> None:
    for pixels in (flat(*size), noise(*size)):
        assert 0 <= blocks(pixels) <= 2 * MOST / UNIT
        if min(size) < 64:
            assert blocks(pixels) == 0
    assert blocks(flat(100, 100)) == 0
