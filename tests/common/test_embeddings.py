"""Embeddings in the store: as they were put, for what made them alone, and never a damaged row."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.embeddings import AT_ONCE, EmbeddingStore
from tests.strategies import sha256


@given(st.dictionaries(sha256, st.binary(min_size=128, max_size=128)), sha256)
def test_what_was_put_is_there_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, known: dict[str, bytes], other: str
) -> None:
    path = tmp_path_factory.mktemp("store") / "scores.sqlite"
    with closing(EmbeddingStore(path, "made by")) as store:
        store.put(known.items())
        assert store.get([*known, other]) == known | store.get([other])
    with closing(EmbeddingStore(path, "made by")) as store:
        assert store.get(list(known)) == known


def test_another_maker_does_not_get_them_and_its_own_replace_them(tmp_path: Path) -> None:
    path, key = tmp_path / "scores.sqlite", "ab" * 32
    with closing(EmbeddingStore(path, "one")) as one, closing(EmbeddingStore(path, "two")) as two:
        one.put([(key, b"1" * 128)])
        assert two.get([key]) == {}
        two.put([(key, b"2" * 128)])
        assert (one.get([key]), two.get([key])) == ({}, {key: b"2" * 128})


def test_many_are_asked_for_in_parts(tmp_path: Path) -> None:
    rows = {f"{i:064x}": bytes([i % 256]) * 128 for i in range(2 * AT_ONCE + 1)}
    with closing(EmbeddingStore(tmp_path / "scores.sqlite", "one")) as store:
        store.put(rows.items())
        assert store.get(list(rows)) == rows


@pytest.mark.parametrize(
    "damage", ["embedding = X''", "embedding = zeroblob(128)", "digest = X''", "digest = 'text'"]
)
def test_a_damaged_row_is_not_known(tmp_path: Path, damage: str) -> None:
    path, key = tmp_path / "scores.sqlite", "ab" * 32
    with closing(EmbeddingStore(path, "one")) as store:
        store.put([(key, b"1" * 128)])
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"UPDATE embedding SET {damage}")
        database.commit()
    with closing(EmbeddingStore(path, "one")) as store:
        assert store.get([key]) == {}
        store.put([(key, b"2" * 128)])
        assert store.get([key]) == {key: b"2" * 128}
