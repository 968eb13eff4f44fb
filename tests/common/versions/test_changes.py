"""Changes: what makes a version a MAJOR, a MINOR or a PATCH one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.archive.licences import NOT_STATED
from stages.common.versions import changes
from stages.common.versions.changes import Counts
from stages.common.versions.numbers import MAJOR, MINOR, PATCH
from stages.common.versions.snapshots import Snapshot
from tests.common.archive.sets import digest, lineage, validation

PICTURES = st.text("abcdef", min_size=1, max_size=8)


def snapshot(pictures: str, **others: Any) -> Snapshot:
    """A version whose tiles have these pictures."""
    tiles = [lineage(ord(it) - ord("a"), f"{it}.jpg") for it in pictures]
    tiles = [tile._replace(name=f"{i}.png") for i, tile in enumerate(tiles)]
    pairs = validation("v", (2, 4))
    photographs = sorted({row.photograph for row in [*tiles, *pairs]})
    made = Snapshot(
        {"release": {"licence": "other"}},
        tiles,
        [digest(it) for it in pictures],
        pairs,
        dict.fromkeys(photographs, "CC0-1.0"),
    )
    return made._replace(**others)


OLD = snapshot("abc")


def licensed(**of: str) -> Snapshot:
    return OLD._replace(licences=OLD.licences | {f"{name}.jpg": it for name, it in of.items()})


@pytest.mark.parametrize(
    ("new", "level", "reasons"),
    [
        (OLD, PATCH, []),
        (snapshot("abcd"), MINOR, ["1 tile added"]),
        (snapshot("ab"), MINOR, ["1 tile gone"]),
        (snapshot("acb"), MAJOR, ["number 1 is another tile"]),
        (snapshot("bc"), MAJOR, ["number 0 is another tile", "1 tile gone"]),
        (
            snapshot("abxy"),
            MAJOR,
            ["number 2 is another tile", "2 tiles added", "1 tile gone"],
        ),
        (
            OLD._replace(tiles=[tile._replace(width=64) for tile in OLD.tiles]),
            MAJOR,
            ["tiles are 64x32 px, were 32x32"],
        ),
        (
            OLD._replace(validation=validation("v", (2,))),
            MAJOR,
            ["no more validation images x4", "other validation images"],
        ),
        (OLD._replace(validation=validation("v", (2, 4, 8))), MINOR, ["other validation images"]),
        (
            OLD._replace(params={"release": {"licence": "cc0-1.0"}}),
            MAJOR,
            ["the licence is cc0-1.0, was other"],
        ),
        (
            licensed(a="CC-BY-4.0"),
            MAJOR,
            ["the licence of 1 photograph changed, as a.jpg: CC-BY-4.0, was CC0-1.0"],
        ),
        (
            OLD._replace(tiles=[tile._replace(hyperiqa=0.1) for tile in OLD.tiles]),
            MINOR,
            ["other scores"],
        ),
    ],
)
def test_what_makes_a_version_how_large_a_step(
    new: Snapshot, level: int, reasons: list[str]
) -> None:
    found = changes.reasons(OLD, new)
    assert [why for _, why in found] == reasons
    assert changes.level(found) == level


def test_a_licence_that_none_had_is_told_and_one_that_is_known_at_last_is_not() -> None:
    more = snapshot("abcd")
    new = more._replace(licences=more.licences | {"d.jpg": "CC-BY-4.0"})
    assert changes.reasons(OLD, new) == [
        (MAJOR, "photographs under CC-BY-4.0, as none was"),
        (MINOR, "1 tile added"),
    ]
    assert changes.reasons(licensed(b=NOT_STATED), OLD) == []
    assert changes.level(changes.reasons(OLD, licensed(b=NOT_STATED))) == MAJOR


@given(PICTURES, PICTURES)
def test_tiles_are_counted_by_their_pixels(before: str, now: str) -> None:
    found = changes.counts(snapshot(before), snapshot(now))
    assert found.both + found.gone == len(before)
    assert found.both + found.added == len(now)
    assert 0 <= found.numbered_alike <= found.both
    assert changes.counts(snapshot(now), snapshot(before)) == Counts(
        found.gone, found.added, found.both, found.numbered_alike
    )


@given(PICTURES, PICTURES)
def test_the_numbers_hold_exactly_where_one_version_begins_with_the_other(
    before: str, now: str
) -> None:
    found = changes.reasons(snapshot(before), snapshot(now))
    holds = before.startswith(now) or now.startswith(before)
    assert any("is another tile" in why for _, why in found) != holds
    assert (changes.level(found) == PATCH) == (before == now)
