"""Scores in the store: each as it was put, for its scorer alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common import scores
from stages.common.scores import ScoreStore
from tests.strategies import sha256


def digest(number: int) -> str:
    """The hash of an imagined file."""
    return f"{number:064x}"


@given(st.dictionaries(sha256, st.floats(-1, 2, allow_nan=False)), st.lists(sha256, max_size=5))
def test_what_was_put_is_there_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, known: dict[str, float], others: list[str]
) -> None:
    path = tmp_path_factory.mktemp("store") / "scores.sqlite"
    score_store = ScoreStore(path, "scorer")
    score_store.put(known.items())
    score_store.close()
    again = ScoreStore(path, "scorer")
    assert again.get([*known, *others]) == known
    again.close()


def test_more_hashes_than_a_query_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "AT_ONCE", 7)
    score_store = ScoreStore(tmp_path / "scores.sqlite", "scorer")
    many = {digest(i): i / 100 for i in range(50)}
    score_store.put(many.items())
    assert score_store.get([digest(i) for i in range(60)]) == many
    assert score_store.get([]) == {}


def test_a_known_score_stays_as_it_is(tmp_path: Path) -> None:
    score_store = ScoreStore(tmp_path / "scores.sqlite", "scorer")
    score_store.put([(digest(1), 0.25)])
    score_store.put([(digest(1), 0.75), (digest(2), 0.5)])
    assert score_store.get([digest(1), digest(2)]) == {digest(1): 0.25, digest(2): 0.5}


def test_scorers_do_not_see_each_others_scores(tmp_path: Path) -> None:
    first = ScoreStore(tmp_path / "scores.sqlite", "scorer")
    other = ScoreStore(tmp_path / "scores.sqlite", "scorer with other weights")
    first.put([(digest(1), 0.25)])
    assert other.get([digest(1)]) == {}
    other.put([(digest(1), 0.75)])
    assert (first.get([digest(1)]), other.get([digest(1)])) == (
        {digest(1): 0.25},
        {digest(1): 0.75},
    )
