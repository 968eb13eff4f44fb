"""Which tiles count for which sums."""

from hypothesis import given
from hypothesis import strategies as st

from stages.common.probing import samples
from stages.common.probing.samples import DRAWS
from stages.common.rows import Decision, Tile


def tile(i: int) -> Tile:
    photograph = f"s/{i % 3}"
    return Tile(f"s/{i}.png", "s", f"{i:064x}", photograph, "1", 99, 99, i, 0, 8, 8, photograph, "")


def decision(i: int, kept: bool) -> Decision:
    return Decision(i + 1, f"s/{i}.png", "s", "", 9, 1 / (i + 1), kept, "", "")


@given(st.integers(1, 60), st.integers(2, 16), st.sets(st.integers(0, 59), min_size=1))
def test_every_tile_counts_for_its_step_the_kept_ones_and_each_draw(
    tiles: int, points: int, kept: set[int]
) -> None:
    kept = {i for i in kept if i < tiles} or {0}
    rows = [decision(i, i in kept) for i in range(tiles)]
    planned = samples.plan(rows[::-1], [tile(i) for i in range(tiles)], points)
    counts = planned.counts
    assert counts == sorted(set(counts))
    assert counts[-1] == tiles
    assert len(counts) <= points
    members: list[set[int]] = [set() for _ in range(planned.places)]
    for one, places in planned.tiles:
        assert places == tuple(sorted(set(places)))
        for place in places:
            members[place].add(int(one.pixels, 16))
    best: set[int] = set()
    for count, step in zip(counts, members[: len(counts)], strict=True):
        assert not best & step
        best |= step
        assert best == set(range(count))
    assert members[len(counts)] == kept
    assert [len(draw) for draw in members[len(counts) + 1 :]] == [len(kept)] * DRAWS


def test_tiles_of_a_photograph_are_read_after_each_other() -> None:
    rows = [decision(i, True) for i in range(9)]
    planned = samples.plan(rows, [tile(i) for i in range(9)], 4)
    assert [one.photograph for one, _ in planned.tiles] == [f"s/{i // 3}" for i in range(9)]


def test_a_tile_is_drawn_whatever_other_tiles_there_are() -> None:
    every = [tile(i) for i in range(40)]
    few = samples.drawn_by_chance(every, 10, 0)
    assert few < samples.drawn_by_chance(every, 20, 0)
    fewer = [one for one in every if one.path in few]
    assert samples.drawn_by_chance(fewer, 10, 0) == few
    assert samples.drawn_by_chance(every, 10, 1) != few


def test_steps_are_dense_where_there_are_few() -> None:
    assert samples.steps(1000, 16) == [
        4, 16, 36, 63, 98, 141, 192, 250, 317, 391, 473, 563, 661, 766, 879, 1000
    ]  # fmt: skip
    assert samples.steps(3, 16) == [1, 2, 3]
