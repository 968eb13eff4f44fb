"""PSNR and SSIM by their formulas."""

import math

import numpy as np
import pytest

from stages.common.measures.luma import luma
from stages.common.probing import similarity
from tests.conftest import blobs, noise


def test_psnr_is_that_of_luma_from_16_to_235() -> None:
    one, other = np.full((40, 40), 100, np.uint8), np.full((40, 40), 110, np.uint8)
    error = similarity.squared_error(one, other)
    assert (error, similarity.pixels_of(one)) == (100 * 32 * 32, 32 * 32)
    assert similarity.psnr(error, 32 * 32) == pytest.approx(
        20 * math.log10(255 / (10 * 219 / 255)), abs=1e-9
    )
    assert similarity.psnr(0, 1) == similarity.psnr(-1e-9, 1) == pytest.approx(60.24, abs=0.01)


def test_ssim_is_one_for_the_same_and_less_for_others() -> None:
    first, other = luma(blobs(64, 70)), luma(noise(64, 70))
    blurred = (first.astype(int) + np.roll(first, 1, axis=1)) // 2
    same, near, far = similarity.ssims(first, [first, blurred.astype(np.uint8), other])
    assert same == pytest.approx(1, abs=1e-12)
    assert far < 0.3 < near < 1


def test_ssim_is_that_of_its_formula() -> None:
    """Of one window: 11 x 11 px and the border."""
    x, y = luma(noise(19, 19, 1)), luma(noise(19, 19, 2))
    one, two = (v[4:-4, 4:-4].astype(float) * 219 / 255 + 16 for v in (x, y))
    at = np.arange(11) - 5
    line = np.exp(-(at**2) / (2 * 1.5**2))
    weight = np.outer(line, line) / line.sum() ** 2
    mean_x, mean_y = (weight * one).sum(), (weight * two).sum()
    variances = [(weight * (v - m) ** 2).sum() for v, m in ((one, mean_x), (two, mean_y))]
    covariance = (weight * (one - mean_x) * (two - mean_y)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    expected /= (mean_x**2 + mean_y**2 + c1) * (sum(variances) + c2)
    assert similarity.ssims(y, [x]) == [pytest.approx(expected, abs=1e-12)]
