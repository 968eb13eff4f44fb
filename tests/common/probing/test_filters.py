"""Filters: they find what has made the pixels, leave the error that is left, and enlarge."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.common.measures.luma import Luma, luma
from stages.common.pixels.images import Pixels
from stages.common.probing import equations, filters, gradients, similarity
from stages.common.probing.equations import EDGE, SIDE, TAPS, TARGETS


def made_by(kernels: NDArray[np.float64], lr: Luma) -> Luma:
    """HR whose every pixel is that of LR plus a kernel of its neighbours less it: (4, 7, 7)."""
    wide = np.pad(lr.astype(float), 3, mode="edge")
    height, width = lr.shape
    hr = np.zeros((2 * height, 2 * width))
    for i, kernel in enumerate(kernels):
        value = lr.astype(float)
        for down in range(SIDE):
            for right in range(SIDE):
                there = wide[down : down + height, right : right + width]
                value = value + kernel[down, right] * (there - lr)
        hr[i // 2 :: 2, i % 2 :: 2] = value
    return hr.round().clip(0, 255).astype(np.uint8)


def test_filters_of_shifted_pixels_are_the_known_kernels() -> None:
    """Each HR pixel is another neighbour of LR's."""
    lr = np.random.default_rng(0).integers(0, 256, (150, 150), dtype=np.uint8)
    kernels = np.zeros((TARGETS, SIDE, SIDE))
    for i, (down, right) in enumerate([(2, 3), (3, 5), (0, 6), (4, 1)]):
        kernels[i, down, right] = 1.0
    hr = made_by(kernels, lr)
    places = np.arange((150 - 2 * EDGE) ** 2)
    sums = equations.of_pixels(lr, hr, places)
    expected = np.delete(kernels.reshape(TARGETS, -1), TAPS // 2, axis=1).T
    (found,) = filters.least_squares(
        equations.unpacked(sums).sum(axis=0, keepdims=True), np.zeros((1, TAPS, TARGETS))
    )
    np.testing.assert_allclose(found, expected, atol=1e-3)
    for count in (12, 48):
        used = gradients.coarser(sums, count).any(axis=1)
        np.testing.assert_allclose(
            filters.solved(sums, count)[used],
            np.broadcast_to(expected, (used.sum(), *expected.shape)),
            atol=0.02,
        )


def test_filters_are_those_of_least_squares(sample_pixels: list[Pixels]) -> None:
    sums = equations.of_tile(luma(sample_pixels[0]))
    z = equations.unpacked(gradients.coarser(sums, 12))
    near = np.random.default_rng(0).normal(size=(1, TAPS, TARGETS))
    left = z[:, :TAPS, :TAPS] + filters.RIDGE * np.eye(TAPS)
    right = z[:, :TAPS, TAPS:] + filters.RIDGE * near
    np.testing.assert_allclose(
        filters.least_squares(z, near), np.linalg.solve(left, right), rtol=1e-6, atol=1e-8
    )


def test_mirror_images_count_as_if_they_were_tiles() -> None:
    """Of noise, where no gradient is exactly upright: such a one is its own mirror image, but is
    counted with those that lean to one side."""
    grey = np.random.default_rng(0).integers(0, 256, (140, 180), dtype=np.uint8)
    images = (grey, grey[:, ::-1], grey[::-1], grey[::-1, ::-1])
    each = [equations.of_whole(np.ascontiguousarray(image), 8) for image in images]
    for count in gradients.GRAIN:
        one, two, three, four = (equations.unpacked(gradients.coarser(it, count)) for it in each)
        np.testing.assert_array_equal(filters.with_mirrored(one), one + two + three + four)
    plain, mirrored = (filters.solved(sums, 48) for sums in each[:2])
    assert not np.allclose(plain, mirrored)
    for sums in each[1:]:
        np.testing.assert_array_equal(filters.solved(sums, 192), filters.solved(each[0], 192))


def test_a_class_without_pixels_has_the_filter_of_all() -> None:
    found = filters.solved(equations.empty(), 48)
    assert not found.any()


@pytest.mark.parametrize("count", gradients.GRAIN)
def test_the_error_told_by_sums_is_that_of_the_picture(
    count: int, sample_pixels: list[Pixels]
) -> None:
    """But for rounding, which adds a twelfth of a squared grey level, and the cut at 0 and 255."""
    hr = equations.even(luma(sample_pixels[1])[:300, :301])
    some = filters.solved(equations.of_tile(luma(sample_pixels[2])), count)
    told = filters.squared_errors(equations.of_whole(hr, 4), np.stack([some, 0 * some]))
    nearest = equations.downscaled(hr).repeat(2, axis=0).repeat(2, axis=1)
    assert told[1] == similarity.squared_error(nearest, hr)
    seen = similarity.squared_error(filters.upscaled(equations.downscaled(hr), some), hr)
    assert seen == pytest.approx(told[0] + similarity.pixels_of(hr) / 12, rel=0.01)


def test_trained_filters_beat_bicubic_on_another_photograph(sample_pixels: list[Pixels]) -> None:
    sums = sum((equations.of_tile(luma(p)) for p in sample_pixels[:5]), equations.empty())
    hr = equations.even(luma(sample_pixels[5]))
    lr = equations.downscaled(hr)
    own = similarity.squared_error(filters.upscaled(lr, filters.solved(sums, 48)), hr)
    assert own < 0.9 * similarity.squared_error(filters.bicubic(lr), hr)
