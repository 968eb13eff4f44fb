"""Measures in the store: as they were put, for what made them alone, and never a damaged row."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common import measured
from stages.common.measured import MeasureStore
from tests.strategies import sha256

number = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(0, 100)
measures = st.lists(number, min_size=1, max_size=6).map(tuple)


def digest(number: int) -> str:
    """The hash of an imagined file."""
    return f"{number:064x}"


@given(st.dictionaries(sha256, measures), st.lists(sha256, max_size=5))
def test_what_was_put_is_there_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory,
    known: dict[str, tuple[float, ...]],
    others: list[str],
) -> None:
    path = tmp_path_factory.mktemp("store") / "scores.sqlite"
    with closing(MeasureStore(path, "images", "code")) as store:
        store.put(known.items())
    with closing(MeasureStore(path, "images", "code")) as store:
        found = store.get([*known, *others])
    assert found == known
    assert [list(map(type, found[key])) for key in known] == [
        list(map(type, known[key])) for key in known
    ]


def test_more_hashes_than_a_query_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "AT_ONCE", 7)
    with closing(MeasureStore(tmp_path / "scores.sqlite", "images", "code")) as store:
        many = {digest(i): (i / 7, i) for i in range(50)}
        store.put(many.items())
        assert store.get([digest(i) for i in range(60)]) == many
        assert store.get([]) == {}


def test_kinds_do_not_see_each_others(tmp_path: Path) -> None:
    images = MeasureStore(tmp_path / "scores.sqlite", "images", "code")
    tiles = MeasureStore(tmp_path / "scores.sqlite", "subimages", "code")
    images.put([(digest(1), (0.25,))])
    tiles.put([(digest(1), (0.75, 0.5))])
    assert images.get([digest(1)]) == {digest(1): (0.25,)}
    assert tiles.get([digest(1)]) == {digest(1): (0.75, 0.5)}


def test_other_code_does_not_get_them_and_its_own_replace_them(tmp_path: Path) -> None:
    first = MeasureStore(tmp_path / "scores.sqlite", "images", "code, pillow 13")
    other = MeasureStore(tmp_path / "scores.sqlite", "images", "code, pillow 14")
    first.put([(digest(1), (0.25,))])
    assert other.get([digest(1)]) == {}
    other.put([(digest(1), (0.5,))])
    assert (first.get([digest(1)]), other.get([digest(1)])) == ({}, {digest(1): (0.5,)})
    with closing(sqlite3.connect(tmp_path / "scores.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM measured").fetchone() == (1,)


@pytest.mark.parametrize(
    "damage",
    [
        *("numbers = X''", "numbers = '[0.5]'", "numbers = CAST(X'ff' AS TEXT)", "numbers = 7"),
        *("digest = X''", "digest = 'text'", "digest = zeroblob(32)", "digest = 1.5"),
        *("sha256 = zeroblob(32)", "kind = 'subimages'"),
    ],
)
def test_a_damaged_row_is_not_known_and_can_be_put_again(tmp_path: Path, damage: str) -> None:
    store = MeasureStore(tmp_path / "scores.sqlite", "images", "code")
    store.put([(digest(1), (0.25, 95))])
    with closing(sqlite3.connect(tmp_path / "scores.sqlite", isolation_level=None)) as database:
        database.execute(f"UPDATE measured SET {damage}")
    assert store.get([digest(1), digest(0)]) == {}
    store.put([(digest(1), (0.25, 95))])
    assert store.get([digest(1)]) == {digest(1): (0.25, 95)}


def test_a_store_from_before_gets_the_new_table(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    MeasureStore(path, "images", "code").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("DROP TABLE measured")
    with closing(MeasureStore(path, "images", "code")) as store:
        assert store.get([digest(1)]) == {}
