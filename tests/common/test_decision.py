"""Decision: rules in their order, and for each row that is dropped the first one it fails."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from stages.common.decision import (
    Dropped,
    Question,
    Rule,
    at_least,
    at_most,
    best,
    decide,
    first_of,
    in_turn,
    listed,
    unlike,
)


class Row(NamedTuple):
    path: str
    section: str
    score: float


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    scores = draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20))
    rows = [Row(f"{i:02}", section, score / 10) for i, (section, score) in enumerate(scores)]
    return sorted(rows, key=lambda row: (-row.score, row.path))


def floor(least: float | None) -> Rule[Row]:
    return at_least(lambda row: row.score, lambda row: least, "below {limit:g}")


def most(counts: dict[str, int | None]) -> Rule[Row]:
    def test() -> Question[Row]:
        return best(
            lambda row: row.section,
            lambda row: counts.get(row.section),
            lambda row: f"below the best of {row.section}",
        )

    return in_turn(lambda: [test()])


counts = st.fixed_dictionaries({name: st.none() | st.integers(0, 8) for name in "abc"})
floors = st.none() | st.integers(0, 10).map(lambda tenth: tenth / 10)


@given(tables(), floors, counts)
def test_kept_and_dropped_are_all_and_both_limits_hold(
    rows: list[Row], least: float | None, count: dict[str, int | None]
) -> None:
    dropped = decide(rows, [floor(least), most(count)])
    kept = [row for row in rows if row.path not in dropped]
    assert dropped.keys() <= {row.path for row in rows}
    assert all(row.score >= (least or 0) for row in kept)
    for section, so_many in count.items():
        eligible = [r for r in rows if r.section == section and r.score >= (least or 0)]
        assert [r for r in kept if r.section == section] == eligible[:so_many]


@given(tables(), st.integers(0, 10), st.integers(0, 10), counts)
def test_a_higher_floor_never_keeps_more(
    rows: list[Row], one: int, other: int, count: dict[str, int | None]
) -> None:
    low, high = (decide(rows, [floor(x / 10), most(count)]) for x in sorted((one, other)))
    assert low.keys() <= high.keys()


@given(tables(), floors, counts)
def test_a_sections_result_depends_on_its_own_rows_alone(
    rows: list[Row], least: float | None, count: dict[str, int | None]
) -> None:
    rules = [floor(least), most(count)]
    together = decide(rows, rules)
    for section in "abc":
        own = [row for row in rows if row.section == section]
        paths = {row.path for row in own}
        assert decide(own, rules) == {p: why for p, why in together.items() if p in paths}


def test_the_first_rule_that_fails_is_told_with_its_value() -> None:
    rows = [Row("a", "s", 0.9), Row("b", "s", 0.8), Row("c", "s", 0.8), Row("d", "s", 0.1)]
    rules: list[Rule[Row]] = [
        listed(
            {"b": Dropped("reserved", "by name"), "z": Dropped("not", "there")},
            lambda row: row.path,
        ),
        floor(0.5),
        most({"s": 1}),
    ]
    assert decide(rows, rules) == {
        "b": ("reserved", "by name"),
        "c": ("below the best of s", "rank 2"),
        "d": ("below 0.5", "0.100000"),
    }


def test_of_equal_keys_the_first_that_is_left_stays() -> None:
    rows = [Row("a", "s", 0.1), Row("b", "s", 0.9), Row("c", "s", 0.9)]
    same = first_of(lambda row: row.section, lambda row, first: Dropped("same", first.path))
    assert decide(rows, [floor(0.5), same]) == {"a": ("below 0.5", "0.100000"), "c": ("same", "b")}


def test_no_rules_keep_all() -> None:
    assert decide([Row("a", "s", 0.1)], []) == {}


def test_at_a_ceiling_is_kept() -> None:
    rows = [Row("a", "s", 0.5), Row("b", "s", 0.5000001), Row("c", "s", 0.1)]
    ceiling = at_most(lambda row: row.score, 0.5, "above {limit:g}")
    assert decide(rows, [ceiling]) == {"b": ("above 0.5", "0.500000")}


def test_what_is_like_a_kept_row_is_dropped_and_names_it() -> None:
    rows = [Row(name, "s", 0.9) for name in "abcd"]
    alike = {"b": [("a", "near")], "c": [("b", "nearer"), ("d", "far")], "d": [("c", "x")]}
    rule = in_turn(lambda: [unlike(alike, (), "twin")])
    # b is not kept, so that c may be; then d is like c
    assert decide(rows, [rule]) == {"b": ("twin", "near: a"), "d": ("twin", "x: c")}
    taken = in_turn(lambda: [unlike(alike, ("d",), "twin")])
    assert decide(rows[:3], [taken]) == {"b": ("twin", "near: a"), "c": ("twin", "far: d")}


def test_a_row_that_one_test_drops_takes_no_place_of_another() -> None:
    rows = [Row("a", "s", 0.9), Row("b", "s", 0.8), Row("c", "s", 0.7), Row("d", "s", 0.6)]
    rule = in_turn(
        lambda: [
            unlike({"b": [("a", "near")]}, (), "twin"),
            best(lambda row: row.section, lambda _: 2, lambda _: "below", " of all"),
        ]
    )
    for _ in range(2):  # nothing is remembered from one use to the next
        assert decide(rows, [rule]) == {"b": ("twin", "near: a"), "d": ("below", "rank 3 of all")}
