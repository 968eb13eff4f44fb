"""What is alike: boxes that overlap, photographs that are near."""

from hypothesis import given
from hypothesis import strategies as st

from stages.common.likes import near, overlapping
from stages.common.rows import Neighbours, Tile


def tile(name: str, left: int, top: int, side: int = 8, parent: str = "p") -> Tile:
    return Tile(name, "s", "", parent, "1", 99, 99, left, top, side, side, "photograph", "")


def shared(a: Tile, b: Tile) -> float:
    """By counting pixels."""
    one, two = (
        {(x, y) for x in range(t.left, t.left + t.width) for y in range(t.top, t.top + t.height)}
        for t in (a, b)
    )
    return len(one & two) / len(one | two)


corners = st.integers(0, 12)
boxes = st.lists(st.tuples(corners, corners, st.integers(1, 9)), max_size=8)


@given(boxes, st.sampled_from([0.0, 0.25, 0.5, 0.9]))
def test_tiles_are_alike_where_they_share_more_than_the_ceiling(
    drawn: list[tuple[int, int, int]], ceiling: float
) -> None:
    tiles = [tile(f"{i}", *box) for i, box in enumerate(drawn)]
    found = overlapping(tiles, ceiling)
    for a in tiles:
        others = [
            (b.path, f"{shared(a, b):.2f} shared")
            for b in tiles
            if a is not b and shared(a, b) > ceiling
        ]
        assert found.get(a.path, []) == others


def test_windows_a_step_of_240_apart_share_36_percent() -> None:
    tiles = [tile("a", 0, 0, 512), tile("b", 240, 0, 512)]
    assert overlapping(tiles, 0.37) == {}
    assert overlapping(tiles, 0.36) == {
        "a": [("b", "0.36 shared")],
        "b": [("a", "0.36 shared")],
    }


def test_tiles_of_two_images_share_nothing() -> None:
    assert overlapping([tile("a", 0, 0), tile("b", 0, 0, parent="q")], 0.1) == {}


def test_photographs_are_alike_by_their_hashes_or_their_embeddings() -> None:
    pairs = [
        Neighbours("a", "c", 32, 0.9),
        Neighbours("a", "b", 120, 0.1),
        Neighbours("b", "c", 33, 0.11),
    ]
    assert near(pairs, 32, 0.1) == {
        "a": [("b", "120 of 256 bits, distance 0.100"), ("c", "32 of 256 bits, distance 0.900")],
        "b": [("a", "120 of 256 bits, distance 0.100")],
        "c": [("a", "32 of 256 bits, distance 0.900")],
    }
