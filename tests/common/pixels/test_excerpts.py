"""Excerpts: every plain crop is found where it was cut, and nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.common.pixels import excerpts
from stages.common.pixels.excerpts import RUN, Index, Place, is_at
from tests.conftest import blobs, noise


@given(
    side=st.tuples(st.integers(RUN, 90), st.integers(1, 90)),
    at=st.tuples(st.integers(0, 60), st.integers(0, 110)),
    soft=st.booleans(),
)
def test_a_crop_is_found_where_it_was_cut(
    side: tuple[int, int], at: tuple[int, int], soft: bool
) -> None:
    whole = (blobs if soft else noise)(200, 150, 3)
    (width, height), (left, top) = side, at
    crop = whole[top : top + height, left : left + width]
    others = [noise(50, 50, seed) for seed in range(5)]
    keys = [key for picture in [*others, crop] if (key := excerpts.key(picture))]
    assert len(keys) == 6
    found = Index(keys).search(whole)
    assert Place(5, left, top) in found
    assert {place.picture for place in found} == {5}
    assert is_at(crop, whole, left, top)
    assert not is_at(crop ^ np.uint8(1), whole, left, top)


def test_pictures_with_the_same_run_are_all_found() -> None:
    whole = noise(80, 80, 1)
    crop = whole[10:60, 20:70]
    keys = [excerpts.key(crop)] * 3
    assert Index([key for key in keys if key]).search(whole) == [Place(i, 20, 10) for i in range(3)]


def test_a_picture_of_few_colours_or_pixels_has_no_key() -> None:
    assert excerpts.key(np.full((64, 64, 3), 7, np.uint8)) is None
    assert excerpts.key(noise(64, RUN - 1)) is None
    assert excerpts.key(noise(1, RUN)) is not None


def test_nothing_is_found_without_keys_or_in_a_small_picture() -> None:
    key = excerpts.key(noise(64, 64))
    assert key is not None
    assert Index([]).search(noise(64, 64)) == []
    assert Index([key]).search(noise(64, RUN - 1)) == []


def test_a_run_at_the_edge_of_another_picture_is_no_crop() -> None:
    crop = noise(50, 50, 2)
    key = excerpts.key(crop)
    assert key is not None
    assert Index([key]).search(crop[key.top :, key.left :]) == []
