"""Decision: rules in their order, and for each row that is dropped the first one it fails."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from stages.common.decision import Dropped, Rule, decide, first_of


class Row(NamedTuple):
    path: str
    section: str
    score: float


def floor(least: float) -> Rule[Row]:
    def rule(rows: Sequence[Row]) -> Mapping[str, Dropped]:
        return {r.path: Dropped(f"below {least:g}", f"{r.score}") for r in rows if r.score < least}

    return rule


def first(rows: Sequence[Row]) -> Mapping[str, Dropped]:
    same = first_of(lambda row: row.section, lambda row, kept: Dropped("same", kept.path))
    return same(rows)


rows_of = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20).map(
    lambda drawn: [Row(f"{i:02}", section, n / 10) for i, (section, n) in enumerate(drawn)]
)


@given(rows_of, st.integers(0, 10))
def test_of_each_key_the_first_that_is_left_stays(rows: list[Row], tenths: int) -> None:
    dropped = decide(rows, [floor(tenths / 10), first])
    kept = [row for row in rows if row.path not in dropped]
    left = [row for row in rows if row.score >= tenths / 10]
    assert kept == [
        next(r for r in left if r.section == s) for s in dict.fromkeys(row.section for row in left)
    ]
    assert dropped.keys() <= {row.path for row in rows}


def test_the_first_rule_that_fails_is_told_with_its_value() -> None:
    rows = [Row("a", "s", 0.1), Row("b", "s", 0.9), Row("c", "s", 0.9)]
    assert decide(rows, [floor(0.5), first]) == {"a": ("below 0.5", "0.1"), "c": ("same", "b")}


def test_no_rules_keep_all() -> None:
    assert decide([Row("a", "s", 0.1)], []) == {}
