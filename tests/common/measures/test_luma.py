"""Luma: JPEG's."""

import numpy as np
from hypothesis import given

from stages.common.measures.luma import luma
from stages.common.pixels.images import Pixels
from tests.strategies import pixels


@given(pixels)
def test_it_is_the_weighted_mean_of_the_channels(pixels: Pixels) -> None:
    found = luma(pixels)
    assert (found.shape, found.dtype) == (pixels.shape[:2], np.uint8)
    assert np.abs(found - pixels @ (0.299, 0.587, 0.114)).max() <= 0.501


def test_greys_stay_as_they_are_and_views_are_taken() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert (luma(greys) == greys[:, :, 0]).all()
    assert (luma(greys[::-1, ::2]) == greys[::-1, ::2, 0]).all()
