"""Detail: what is enlarged or blurred has less of it than any sharp photograph."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from stages.common.measures.detail import SIDE, detail, sharpest, spectrum, windows
from stages.common.pixels.images import Pixels
from tests.common.measures.planted import (
    SMALL,
    auc,
    blurred,
    compressed,
    each,
    enlarged,
    flat,
    noisy,
)
from tests.conftest import noise

LIMIT = 0.025  # what photographs must have, by default
SOFT = 1  # of the photographs is a painted wall out of focus


def test_enlargement_by_two_is_told_by_one_limit(clean: list[Pixels]) -> None:
    assert sorted(each(detail, clean))[SOFT] > LIMIT
    for filter_ in (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
        large = [enlarged(pixels, 2, filter_) for pixels in clean]
        assert max(each(detail, large)) < LIMIT
        assert max(each(detail, [compressed(pixels, 85) for pixels in large])) < LIMIT


def test_less_enlargement_is_seen(clean: list[Pixels]) -> None:
    large = each(detail, [enlarged(pixels, 1.5) for pixels in clean])
    assert auc(large, each(detail, clean)) > 0.93


def test_it_falls_with_blur(clean: list[Pixels]) -> None:
    found = [
        each(detail, [blurred(pixels, radius) for pixels in clean]) for radius in (0, 0.7, 1, 4)
    ]
    for less, more in pairwise(found[:3]):
        assert all(np.less(more, less))
    assert max(found[2] + found[3]) < LIMIT


def test_a_sharp_face_before_a_soft_background_is_sharp(clean: list[Pixels]) -> None:
    soft = blurred(clean[0], 6).copy()
    assert detail(soft) < LIMIT
    soft[200:400, 200:400] = clean[0][200:400, 200:400]
    assert detail(soft) > 2 * LIMIT


def test_noise_looks_like_detail(clean: list[Pixels]) -> None:
    """A limit that the docstring states."""
    assert detail(noisy(blurred(clean[0], 3), 10)) > LIMIT


def test_the_spectrum_of_white_noise_adds_up_to_its_variance() -> None:
    energy = spectrum(np.random.default_rng(0).normal(128, 9, (64, SIDE, SIDE)).astype(np.float32))
    assert energy.shape == (64, 33)
    assert energy.sum() == pytest.approx(81, rel=0.03)


def test_the_sharpest_windows_are_those_that_differ_most() -> None:
    grey = np.full((3 * SIDE + 5, 4 * SIDE + 9), 100, np.uint8)
    grey[SIDE : 2 * SIDE : 2, 2 * SIDE : 3 * SIDE] = 200  # lines, in one window
    grey[2 * SIDE : 3 * SIDE, 3 * SIDE : 4 * SIDE : 8] = 160  # fewer, the other way
    rows, columns = sharpest(grey)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(1, 2), (2, 3), (0, 0)]


def test_windows_are_the_whole_ones() -> None:
    pixels = noise(2 * SIDE + 5, 3 * SIDE + 1)
    found = windows(pixels)
    assert found.shape == (2, 3, SIDE, SIDE, 3)
    assert (found[1, 2] == pixels[SIDE : 2 * SIDE, 2 * SIDE : 3 * SIDE]).all()


@pytest.mark.parametrize("size", SMALL)
def test_small_pictures_have_an_answer(size: tuple[int, int]) -> None:
    assert detail(flat(*size)) == 0
    if min(size) < SIDE:
        assert detail(noise(*size)) == 0
    else:
        assert 0.5 < detail(noise(*size)) < 1
