"""What is told of a cutoff that can't be met, and of sources that it names."""

import pytest

from stages.common import cutoff_checks
from stages.common.cutoff_params import Reference, SourceCutoff
from stages.common.errors import UserError
from stages.common.rows import Score
from tests.common.test_cutoffs import images, photographs, reasons
from tests.row_by_row import Known, columns, decided

OURS = {"s/a": "ours", "s/b": "theirs", "s/c": "theirs", "s/d": "theirs"}
KNOWN = Known({}, {}, {}, OURS)
ROWS = images(a=0.9, b=0.8, c=0.7, d=0.6)


def test_a_source_gives_so_many_and_makes_room_for_others() -> None:
    cutoff = photographs(count=2, per_source={"theirs": SourceCutoff(count=1)})
    assert reasons(decided(ROWS, cutoff, "x", KNOWN)) == {
        "c": ("beyond 1 of source theirs", "rank 2 of its source"),
        "d": ("beyond 1 of source theirs", "rank 3 of its source"),
    }
    cutoff = photographs(count=2, per_source={"ours": SourceCutoff(count=0)})
    assert reasons(decided(ROWS, cutoff, "x", KNOWN)) == {
        "a": ("source ours is left out", ""),
        "d": ("below the best 2", "rank 3"),
    }


def test_a_source_has_a_floor_of_its_own() -> None:
    good = Reference(reference="data/reference/good")
    for floor in (0.75, good):
        cutoff = photographs(per_source={"theirs": SourceCutoff(min_score=floor)})
        cutoff = cutoff.measured([Score("good/a.png", "", 0.75)])
        assert reasons(decided(ROWS, cutoff, "x", KNOWN)) == {
            "c": ("below the score 0.75 of source theirs", "0.700000"),
            "d": ("below the score 0.75 of source theirs", "0.600000"),
        }


def test_a_count_need_not_be_reached_where_a_floor_of_a_source_says_what_is_too_bad() -> None:
    own = {"theirs": SourceCutoff(min_score=0.75)}
    assert list(reasons(decided(ROWS, photographs(count=3, per_source=own), "x", KNOWN))) == [
        "c",
        "d",
    ]


def test_an_unknown_source_is_told_with_the_known() -> None:
    cutoff = photographs(per_source={"ous": SourceCutoff(count=1)})
    with pytest.raises(UserError) as raised:
        cutoff_checks.decided(columns(ROWS, KNOWN), cutoff, "cutoff.images")
    assert str(raised.value) == (
        "cutoff.images.per_source names ous, but the sources are ours, theirs: correct it"
    )
    with pytest.raises(UserError, match="but the sources are without a name: correct it"):
        cutoff_checks.decided(columns(ROWS), cutoff, "cutoff.images")


def test_what_holds_a_count_back_is_told_most_frequent_first() -> None:
    own = {"theirs": SourceCutoff(count=1), "ours": SourceCutoff(count=0)}
    with pytest.raises(UserError) as raised:
        decided(ROWS, photographs(count=3, per_source=own), "x", KNOWN)
    assert str(raised.value) == (
        "x.count asks for 3, but of 4 images only 1 can be kept (2 beyond 1 of source theirs, 1 "
        "source ours is left out): lower it, loosen what holds it back, or set it to null for all"
    )
