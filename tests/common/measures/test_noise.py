"""Noise: read as it was added, in the calmest places."""

import math

import numpy as np
import pytest

from stages.common.measures.noise import noise, places
from stages.common.pixels.images import Pixels
from tests.common.measures.planted import SMALL, auc, each, flat, noisy

IN_LUMA = math.hypot(0.299, 0.587, 0.114)  # of noise in each channel


@pytest.mark.parametrize("deviation", [2, 5, 10, 20])
def test_on_a_plain_wall_it_is_what_was_added(deviation: float) -> None:
    pixels = noisy(flat(600, 600), deviation)
    assert noise(pixels) == pytest.approx(deviation * IN_LUMA, rel=0.06)


def test_in_photographs_too(clean: list[Pixels]) -> None:
    before = each(noise, clean)
    for deviation, least in ((5, 0.98), (10, 0.999)):
        added = [noisy(pixels, deviation, i) for i, pixels in enumerate(clean)]
        found = each(noise, added)
        assert auc(before, found) >= least
        assert float(np.median(found)) == pytest.approx(deviation * IN_LUMA, rel=0.15)


def test_slopes_and_straight_edges_are_none() -> None:
    slope = np.add.outer(np.arange(60), np.arange(100))
    slope[20:, :] += 40
    slope[:, 50:] += 30
    assert noise(np.repeat(slope[:, :, None], 3, axis=2).astype(np.uint8)) == 0
    assert noise(flat(200, 300)) == 0


def test_a_clipped_sky_does_not_hide_it() -> None:
    pixels = noisy(flat(512, 512), 10)
    pixels[:300] = 255
    assert noise(pixels) == pytest.approx(10 * IN_LUMA, rel=0.1)


def test_places_are_as_by_hand() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (600, 40), dtype=np.uint8)
    values, means, lowest, highest = places(grey)
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    wanted = np.zeros((598, 38))
    for (row, column), weight in np.ndenumerate(mask):
        wanted += weight * grey[row : row + 598, column : column + 38].astype(int)
    inside = grey[1:-1, 1:-1].astype(float)
    starts = [(top, left) for top in range(0, 592, 8) for left in range(0, 32, 8)]
    blocks = [(slice(top, top + 8), slice(left, left + 8)) for top, left in starts]
    assert values == pytest.approx([np.abs(wanted[block]).mean() for block in blocks])
    assert means == pytest.approx([inside[block].mean() for block in blocks])
    assert lowest.tolist() == [inside[block].min() for block in blocks]
    assert highest.tolist() == [inside[block].max() for block in blocks]


@pytest.mark.parametrize("size", SMALL)
def test_small_pictures_have_an_answer(size: tuple[int, int]) -> None:
    assert noise(flat(*size)) == 0
    found = noise(noisy(flat(*size), 20))
    assert (found == 0) == (min(size) < 3)
    assert found < 60
