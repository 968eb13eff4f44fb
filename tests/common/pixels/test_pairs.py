"""Pairs: HR and LR fit together, and a detail's are parts of the photograph's."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.common.pixels.images import Pixels
from stages.common.pixels.pairs import detail, pairs
from tests.conftest import noise

SCALES = st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True)


def is_part(part: Pixels, whole: Pixels) -> bool:
    """Whether a picture lies somewhere in another."""
    height, width, _ = part.shape
    return any(
        np.array_equal(part, whole[y : y + height, x : x + width])
        for y, x in np.argwhere((whole == part[0, 0]).all(axis=2))
    )


@given(st.integers(1, 90), st.integers(1, 90), SCALES, st.integers(1, 60))
def test_a_details_pairs_are_parts_of_the_photographs(
    height: int, width: int, scales: list[int], side: int
) -> None:
    photograph = noise(height, width, height * width)
    whole = pairs(photograph, scales)
    part = pairs(detail(photograph, scales, side), scales)
    multiple = math.lcm(*scales)
    if min(height, width) < multiple:
        assert whole is None
        assert part is None
        return
    assert whole is not None
    assert part is not None
    assert list(whole) == list(part) == ["hr", *(f"x{scale}" for scale in scales)]
    assert max(part["hr"].shape[:2]) <= max(side, multiple)
    for size in whole:
        assert is_part(part[size], whole[size])


def test_the_liveliest_part_is_taken() -> None:
    sky = np.full((400, 600, 3), 200, np.uint8)
    sky[200:300, 300:400] = noise(100, 100)
    assert np.array_equal(detail(sky, [2, 4], 100), sky[200:300, 300:400])


def test_a_part_of_a_plain_picture_is_as_large_as_any() -> None:
    assert detail(np.zeros((401, 130, 3), np.uint8), [2, 3], 100).shape == (96, 96, 3)
