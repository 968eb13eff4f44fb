"""Scores in the store: each as it was put, for its scorer alone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common import scores, tables
from stages.common.rows import Item, Score
from stages.common.scores import ScoreStore, scored_before
from stages.common.versions import records
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


def test_what_is_not_known_is_taken_over_and_kept(tmp_path: Path) -> None:
    score_store = ScoreStore(tmp_path / "scores.sqlite", "scorer")
    score_store.put([(digest(1), 0.123456789)])
    before = {digest(1): 0.123457, digest(2): 0.2, digest(3): 0.3}
    known = score_store.get_or_take([digest(1), digest(2), digest(4)], lambda: before)
    assert known == {digest(1): 0.123456789, digest(2): 0.2}
    assert score_store.get([digest(i) for i in range(5)]) == known
    assert score_store.get_or_take([digest(1), digest(2)], lambda: 1 / 0) == known  # type: ignore
    score_store.close()


ITEMS = [Item(f"{i}.png", digest(i), 8, 8, digest(100 + i)) for i in range(2)]
SCORES = [Score(item.path, item.sha256, 0.25 + i) for i, item in enumerate(ITEMS)]
OUTS = Path("in.csv"), Path("scores.csv"), Path("numbers.json")


@pytest.mark.parametrize(
    ("fingerprint", "items", "rows", "gone", "expected"),
    [
        ("this", ITEMS, SCORES, "", {digest(100): 0.25, digest(101): 1.25}),
        ("another", ITEMS, SCORES, "", {}),
        (None, ITEMS, SCORES, "", {}),
        ("this", ITEMS[:1], SCORES, "", {}),
        ("this", ITEMS, SCORES[:1], "", {}),
        ("this", ITEMS, [SCORES[0]._replace(sha256=digest(9)), SCORES[1]], "", {}),
        ("this", ITEMS, [SCORES[0]._replace(hyperiqa=float("nan")), SCORES[1]], "", {}),
        ("this", ITEMS, SCORES, "in.csv", {}),
        ("this", ITEMS, SCORES, "scores.csv", {}),
        ("this", ITEMS, SCORES, "numbers.json", {}),
    ],
)
def test_a_last_run_counts_only_if_this_scorer_made_all_of_it(
    fingerprint: str | None,
    items: list[Item],
    rows: list[Score],
    gone: str,
    expected: dict[str, float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {str(path): tmp_path / path for path in OUTS if str(path) != gone}
    tables.write(tmp_path / "in.csv", Item, items)
    tables.write(tmp_path / "scores.csv", Score, rows)
    tables.write_numbers(tmp_path / "numbers.json", {"images": 2, "fingerprint": fingerprint})
    monkeypatch.setattr(records, "last_run", {OUTS[1]: found}.get)
    assert scored_before(*OUTS, "this") == expected


def test_a_damaged_last_run_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {str(path): tmp_path / path for path in OUTS}
    for path in found.values():
        path.write_bytes(b"{")
    monkeypatch.setattr(records, "last_run", {OUTS[1]: found}.get)
    assert scored_before(*OUTS, "this") == {}
