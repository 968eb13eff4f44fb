"""Listings: what came, went, moved or changed between two of them, and nothing else."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.listing import (
    Change,
    changes,
    check_unchanged,
    listing,
    named,
    quiet_listing,
    summary,
)

held = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 5), max_size=8)


@given(held, held)
def test_changes_lead_from_one_listing_to_the_other(
    before: dict[str, int], after: dict[str, int]
) -> None:
    found = changes(before, after)
    assert found == sorted(found)
    built = dict(before)
    for change in found:
        if change.change in ("gone", "replaced", "new"):
            built.pop(change.path, None)
        else:
            assert before[change.before] == after[change.path]
            del built[change.before]
        if change.change != "gone":
            built[change.path] = after[change.path]
    assert built == after
    assert changes(after, after) == []


@given(held, held)
def test_renaming_is_told_only_where_it_is_certain(
    before: dict[str, int], after: dict[str, int]
) -> None:
    gone = [v for path, v in before.items() if path not in after]
    came = [v for path, v in after.items() if path not in before]
    certain = [v for v in gone if gone.count(v) == came.count(v) == 1]
    renamed = [c for c in changes(before, after) if c.change == "renamed"]
    assert sorted(after[c.path] for c in renamed) == sorted(certain)


def test_a_summary_counts_and_names() -> None:
    found = [Change(str(i), "new", "") for i in range(1200)] + [Change("x", "gone", "")]
    assert summary(found) == "1,200 new, 1 gone"
    assert named(found) == "0, 1, 2, 3, 4 and 1,196 more"
    assert named(found[:2]) == "0, 1"


def test_links_that_lead_nowhere_are_listed(tmp_path: Path) -> None:
    (tmp_path / "nowhere").symlink_to("none")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"123")
    assert {path: status.bytes for path, status in listing(tmp_path).items()} == {
        "b/c": 3,
        "nowhere": 4,
    }


@pytest.mark.parametrize("age", [10.0, -10.0])
def test_only_the_latest_writes_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float
) -> None:
    """A clock that is wrong, as in a camera, must not make it wait for ever."""
    monkeypatch.setattr("stages.common.listing.QUIET_SECONDS", 5.0)
    monkeypatch.setattr("time.sleep", None)
    (tmp_path / "a").touch()
    now = (tmp_path / "a").stat().st_mtime
    os.utime(tmp_path / "a", (now - age, now - age))
    assert list(quiet_listing(tmp_path)) == ["a"]


def test_a_change_that_keeps_size_and_time_is_seen_by_the_inode(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, ns=(10**18, 10**18))
    before = listing(tmp_path)
    check_unchanged(tmp_path, before, listing(tmp_path))
    (tmp_path / "b").replace(tmp_path / "a")
    with pytest.raises(
        UserError, match=r"changed while it was read: 1 gone, 1 replaced \(as a, b\)"
    ):
        check_unchanged(tmp_path, before, listing(tmp_path))
