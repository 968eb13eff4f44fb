"""Sums of tiles: exact, of any grouping, and what a direct calculation gives."""

import numpy as np
from numpy.typing import NDArray

from stages.common.measures.luma import luma
from stages.common.pixels.images import Pixels
from stages.common.probing import equations, gradients
from stages.common.probing.equations import COLUMNS, EDGE, TAPS
from tests.conftest import blobs, noise


def direct(hr: NDArray[np.uint8], places: set[tuple[int, int]]) -> NDArray[np.int64]:
    """Sums of z z' by class, pixel by pixel, in whole numbers."""
    lr = equations.downscaled(hr).astype(np.int64)
    of_class = gradients.classes(lr.astype(np.uint8))
    found = np.zeros((gradients.CLASSES, COLUMNS, COLUMNS), np.int64)
    for y, x in places:
        around = lr[y - 3 : y + 4, x - 3 : x + 4].ravel()
        four = hr[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].astype(np.int64).ravel()
        z = np.concatenate([np.delete(around, 24), four]) - lr[y, x]
        found[of_class[y - gradients.REACH, x - gradients.REACH]] += np.outer(z, z)
    return found


def test_they_are_those_of_a_direct_calculation() -> None:
    hr = luma(noise(40, 44))
    inside = equations.half(20 - 2 * EDGE, 22 - 2 * EDGE)
    rows, columns = np.nonzero(inside)
    expected = direct(hr, {(y + EDGE, x + EDGE) for y, x in zip(rows, columns, strict=True)})
    found = equations.unpacked(equations.of_tile(hr))
    np.testing.assert_array_equal(found, expected)
    assert 0.4 < inside.mean() < 0.6


def test_of_a_whole_picture_every_pixel_but_the_border_counts() -> None:
    hr = luma(noise(40, 44))
    found = equations.unpacked(equations.of_whole(hr, 4))
    targets = found[:, TAPS:, TAPS:].sum(axis=0)
    lr = equations.downscaled(hr).astype(np.int64).repeat(2, axis=0).repeat(2, axis=1)
    error = np.square(hr - lr)[4:-4, 4:-4].sum()
    assert np.trace(targets) == error


def test_sums_of_two_sets_add_up_whatever_the_order(sample_pixels: list[Pixels]) -> None:
    tiles = [luma(pixels)[:200, :200] for pixels in sample_pixels]
    sums = [equations.of_tile(tile) for tile in tiles]
    forward, backward = sum(sums, equations.empty()), sum(sums[::-1], equations.empty())
    np.testing.assert_array_equal(forward, backward)
    np.testing.assert_array_equal(forward, np.round(forward))
    assert np.abs(forward).max() < 2**53


def test_what_is_too_small_says_nothing() -> None:
    assert not equations.of_tile(luma(blobs(13, 300))).any()
    assert equations.of_tile(luma(noise(15, 300))).any()
