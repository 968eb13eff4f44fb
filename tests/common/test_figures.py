"""Figures: a choice counted by columns is the choice that the cutoff makes, to the last digit."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.common import figures, tables
from stages.common.cutoffs import RESERVED, Cutoff, SectionCutoff, decided, ranked
from stages.common.errors import UserError
from stages.common.figures import ALL, BY_COUNT, BY_SCORE, NOW
from stages.common.rows import Candidate, Decision, Score, Tile
from tests.strategies import cutoffs, scored_images

Images = tuple[list[Candidate], list[Score]]
LIMITS = Cutoff(count=2, min_score=None, report_at=0.5, per_section={})


def tile(row: Decision, photograph: str, scale: str = "1") -> Tile:
    return Tile(row.path, row.section, "", "", 9, "", scale, 0, 0, 8, 8, photograph, photograph)


def decision(rank: int, score: float, section: str = "s", size: int = 10) -> Decision:
    return Decision(rank, f"{section}/{rank}", section, "", size, score, True, "", "")


@given(scored_images(), st.data())
def test_the_columns_choose_what_the_decision_keeps(drawn: Images, data: st.DataObject) -> None:
    rule = data.draw(cutoffs(drawn[0]))
    rows = ranked(*drawn)
    reserved = [rows[0].path] if data.draw(st.booleans()) else []
    try:
        rows = decided(rows, rule, "cutoff.images", reserved)
    except UserError:
        assume(False)
    mask = figures.chosen(figures.columns(rows), rule)
    assert mask.tolist() == [row.kept for row in rows]


@given(scored_images(), st.data())
def test_figures_are_those_of_the_kept_rows(drawn: Images, data: st.DataObject) -> None:
    rows = ranked(*drawn)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    assume(mask.any())
    names = data.draw(st.lists(st.sampled_from("pqr"), min_size=len(rows), max_size=len(rows)))
    tiles = {row.path: tile(row, name) for row, name in zip(rows, names, strict=True)}
    kept = [row for row, keep in zip(rows, mask, strict=True) if keep]
    photographs = [tiles[row.path].photograph for row in kept]
    found = figures.of(figures.columns(rows, tiles), mask)
    exact = sum(Fraction(str(row.hyperiqa)) for row in kept) / len(kept)
    assert abs(Fraction(found.mean) - exact) <= Fraction(500001, 10**12)
    assert found.mean == tables.mean([row.hyperiqa for row in kept])
    assert found.lowest == kept[-1].hyperiqa
    assert (found.images, found.bytes) == (len(kept), sum(row.bytes for row in kept))
    assert found.photographs == len(set(photographs))
    largest = max(map(photographs.count, photographs))
    assert found.largest_photograph == round(largest / len(kept), 6)
    for section, share in found.sections.items():
        assert share == round(sum(r.section == section for r in kept) / len(kept), 6)
    assert found.sections.keys() == {row.section for row in rows}
    assert found.scales == {"1": 1.0}


def test_without_tiles_each_image_is_a_photograph() -> None:
    rows = [decision(1, 0.75), decision(2, 0.5)]
    found = figures.of(figures.columns(rows), np.array([True, True]))
    assert (found.photographs, found.largest_photograph, found.scales) == (2, 0.5, {})


def test_metrics_are_in_the_terms_of_the_guide() -> None:
    rows = [decision(i + 1, 0.9 - i / 10, size=10**8) for i in range(5)]
    tiles = {
        row.path: tile(row, row.path[-1], "0.75" if i % 2 else "1") for i, row in enumerate(rows)
    }
    c = figures.columns(rows, tiles)
    mask = figures.chosen(c, LIMITS)
    assert figures.metrics(c, mask, 0.65) == {
        "tiles": 2,
        "mean": 0.85,
        "lowest": 0.8,
        "reach": 3,
        "GB": 0.2,
        "photographs": 2,
        "largest_photograph": 0.5,
        "sections": {"s": 1.0},
        "scales": {"0.75": 0.5, "1": 0.5},
    }
    assert "reach" not in figures.metrics(c, mask, None)


def test_a_score_stands_in_place_of_a_count() -> None:
    assert figures.by_count(LIMITS, 7) == LIMITS.model_copy(update={"count": 7})
    assert figures.by_score(LIMITS, 0.5) == LIMITS.model_copy(
        update={"count": None, "min_score": 0.5}
    )


def test_what_if_lists_now_counts_and_scores_in_total_and_by_section() -> None:
    rows = [decision(i + 1, 0.95 - i / 100, "ab"[i % 2]) for i in range(40)]
    found = figures.what_if("images", figures.columns(rows), LIMITS)
    assert [(w.section, w.images) for w in found if w.by == NOW] == [(ALL, 2), ("a", 1), ("b", 1)]
    counts = [w for w in found if w.by == BY_COUNT and w.section == ALL]
    assert [w.images for w in counts] == list(range(4, 41, 4))
    assert all(w.limit == str(w.images) for w in counts)
    scores = [w for w in found if w.by == BY_SCORE and w.section == ALL]
    assert [w.limit for w in scores][:2] == ["0.58", "0.6"]
    for w in scores:
        assert w.images == sum(row.hyperiqa >= float(w.limit) for row in rows)
        assert w.lowest >= float(w.limit)


def test_what_if_leaves_a_section_with_its_own_count_as_it_is() -> None:
    rows = [decision(i + 1, 0.95 - i / 100, "ab"[i % 2]) for i in range(40)]
    rule = LIMITS.model_copy(update={"per_section": {"b": SectionCutoff(count=3)}})
    found = figures.what_if("images", figures.columns(rows), rule)
    assert {w.images for w in found if w.section == "b" and w.by == BY_COUNT} == {3}
    assert [w.limit for w in found if w.section == "a" and w.by == BY_COUNT] == [
        str(2 * i) for i in range(1, 11)
    ]


def test_what_is_reserved_is_in_no_what_if() -> None:
    rows = [decision(1, 0.9)._replace(kept=False, reason=RESERVED), decision(2, 0.8)]
    found = figures.what_if("images", figures.columns(rows), LIMITS)
    assert {(w.images, w.mean) for w in found} == {(1, 0.8)}


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=50).map(np.array),
)
def test_round_scores_lie_between_the_lowest_and_the_highest(
    millionths: "np.typing.NDArray[np.int64]",
) -> None:
    found = figures.scores_between(millionths)
    assert found == sorted(set(found))
    assert all(millionths.min() < round(score * 1e6) <= millionths.max() for score in found)
    if millionths.max() - millionths.min() > 20000:
        assert figures.STEPS - 1 <= len(found) <= 3 * figures.STEPS


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.3], [0.000001], [0.999999, 0.000001, 0.5]])
def test_the_mean_is_exact(scores: list[float]) -> None:
    assert tables.mean(scores) == round(math.fsum(scores) / len(scores), 6)
