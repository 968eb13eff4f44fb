"""What is alike: boxes that overlap, photographs that are near."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common import likes
from stages.common.columns import Likes
from stages.common.likes import near, overlapping

Box = tuple[int, int, int]  # left, top, side


def found(alike: Likes) -> dict[int, list[tuple[int, str]]]:
    """What each one is like, and the evidence."""
    rows = np.repeat(np.arange(alike.starts.size - 1), np.diff(alike.starts))
    words = alike.evidence(rows, np.arange(alike.others.size))
    listed: dict[int, list[tuple[int, str]]] = {}
    for row, other, evidence in zip(rows.tolist(), alike.others.tolist(), words, strict=True):
        listed.setdefault(row, []).append((other, evidence))
    return listed


def overlaps(boxes: list[Box], images: list[int], order: list[int], ceiling: float) -> Likes:
    four = np.array([(x, y, side, side) for x, y, side in boxes], np.int32).reshape(-1, 4)
    return overlapping(four, np.array(images, np.int32), np.array(order, np.int64), ceiling)


def shared(a: Box, b: Box) -> float:
    """By counting pixels."""
    one, two = (
        {(x, y) for x in range(left, left + side) for y in range(top, top + side)}
        for left, top, side in (a, b)
    )
    return len(one & two) / len(one | two)


corners = st.integers(0, 12)
tiles = st.lists(
    st.tuples(st.tuples(corners, corners, st.integers(1, 9)), st.integers(0, 2)), max_size=9
)


@pytest.mark.parametrize("at_once", [1, 20, 1 << 18])
@given(tiles, st.sampled_from([0.0, 0.25, 0.5, 0.9]), st.data())
def test_a_tile_is_like_the_better_ones_of_its_image_that_share_more_than_the_ceiling(
    at_once: int, drawn: list[tuple[Box, int]], ceiling: float, data: st.DataObject
) -> None:
    boxes, images = [box for box, _ in drawn], [image for _, image in drawn]
    paths = data.draw(st.permutations(range(len(drawn))))  # of each, its place among the paths
    order = sorted(range(len(drawn)), key=lambda i: (images[i], paths[i]))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(likes, "AT_ONCE", at_once)
        alike = found(overlaps(boxes, images, order, ceiling))
    assert alike == {
        i: own
        for i in range(len(drawn))
        if (
            own := [
                (j, f"{shared(boxes[i], boxes[j]):.2f} shared")
                for j in sorted(range(i), key=lambda j: paths[j])
                if images[i] == images[j] and shared(boxes[i], boxes[j]) > ceiling
            ]
        )
    }


def test_windows_a_step_of_240_apart_share_36_percent() -> None:
    boxes = [(0, 0, 512), (240, 0, 512)]
    assert found(overlaps(boxes, [0, 0], [0, 1], 0.37)) == {}
    assert found(overlaps(boxes, [0, 0], [0, 1], 0.36)) == {1: [(0, "0.36 shared")]}
    assert found(overlaps(boxes, [0, 1], [0, 1], 0.1)) == {}


def test_photographs_are_like_better_ones_and_those_that_count_whatever_their_rank() -> None:
    one, other, bits = np.array([2, 1, 0, 0]), np.array([0, 0, 2, 1]), np.array([32, 120, 32, 120])
    alike = near(one, other, bits, np.array([0.9, 0.1, 0.9, 0.1]), np.array([False, False, True]))
    assert found(alike) == {
        0: [(2, "32 of 256 bits, distance 0.900")],
        1: [(0, "120 of 256 bits, distance 0.100")],
        2: [(0, "32 of 256 bits, distance 0.900")],
    }
