"""The order of sets of filters: random ones, the best so many, the kept ones."""

import numpy as np

from stages.common.measures.luma import luma
from stages.common.pixels.images import Pixels
from stages.common.probing import equations, filters, trial
from stages.common.probing.samples import DRAWS


def test_filters_are_of_the_sums_of_each_set(sample_pixels: list[Pixels]) -> None:
    tiles = [equations.of_tile(luma(pixels)[:90, :90]) for pixels in sample_pixels]
    first, second, third = tiles[:3]
    random = tiles[3 : 3 + DRAWS]
    found = trial.filters_of(np.array([first, second, third, *random]), 2, [12, 48])
    for count in (12, 48):
        expected = [*random, first, first + second, third]
        np.testing.assert_array_equal(
            found[count], [filters.solved(sums, count) for sums in expected]
        )
