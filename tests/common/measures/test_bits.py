"""Bits: flat tiles are few, and noise does not change who is flat."""

import numpy as np
import pytest
from PIL import Image

from stages.common.measures.bits import bits
from stages.common.measures.luma import luma
from stages.common.pixels.images import Pixels
from tests.common.measures.planted import SMALL, blurred, each, flat, noisy
from tests.conftest import encoded, noise

TILE = 256  # px
LIMIT = 0.30  # what tiles must have, by default


@pytest.fixture(scope="module")
def tiles(clean: list[Pixels]) -> list[Pixels]:
    return [
        pixels[top : top + TILE, left : left + TILE]
        for pixels in clean
        for top in range(0, pixels.shape[0] - TILE + 1, TILE)
        for left in range(0, pixels.shape[1] - TILE + 1, TILE)
    ]


def test_walls_and_soft_backgrounds_are_few(tiles: list[Pixels]) -> None:
    assert bits(flat(TILE, TILE)) < 0.12
    assert max(each(bits, [blurred(tile, 20) for tile in tiles])) < LIMIT
    assert float(np.median(each(bits, tiles))) > 2 * LIMIT


def test_noise_does_not_change_their_order(tiles: list[Pixels]) -> None:
    before = np.array(each(bits, tiles)).argsort().argsort()
    after = np.array(each(bits, [noisy(t, 8, i) for i, t in enumerate(tiles)])).argsort().argsort()
    assert np.corrcoef(before, after)[0, 1] > 0.98


def test_it_is_the_size_of_a_grey_file_without_its_head() -> None:
    pixels = noise(64, 96)
    content = encoded(Image.fromarray(luma(pixels)), "JPEG", quality=75)
    assert bits(pixels) == 8 * (len(content) - content.index(b"\xff\xda")) / (64 * 96)


@pytest.mark.parametrize("size", SMALL)
def test_small_pictures_have_an_answer(size: tuple[int, int]) -> None:
    for pixels in (flat(*size), noise(*size)):
        assert 0 < bits(pixels) <= 200
