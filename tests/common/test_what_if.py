"""What other cutoffs keep: counts, scores, and each rule alone and left away."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.common import what_if
from stages.common.cutoff_params import SectionCutoff
from stages.common.cutoffs import decide
from stages.common.errors import UserError
from stages.common.what_if import ALL, BY_COUNT, BY_SCORE, NOW
from tests.common.test_figures import LIMITS, Images, decision
from tests.row_by_row import columns, decided, ranked
from tests.strategies import photographs_with_likes, scored_images, tiles_with_variety


def test_a_score_stands_in_place_of_a_count() -> None:
    assert what_if.by_count(LIMITS, 7) == LIMITS.model_copy(update={"count": 7})
    assert what_if.by_score(LIMITS, 0.5) == LIMITS.model_copy(
        update={"count": None, "min_score": 0.5}
    )


def test_what_if_lists_now_counts_and_scores_in_total_and_by_section() -> None:
    rows = [decision(i + 1, 0.95 - i / 100, "ab"[i % 2]) for i in range(40)]
    found = what_if.what_if("images", columns(rows), LIMITS)
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
    found = what_if.what_if("images", columns(rows), rule)
    assert {w.images for w in found if w.section == "b" and w.by == BY_COUNT} == {3}
    assert [w.limit for w in found if w.section == "a" and w.by == BY_COUNT] == [
        str(2 * i) for i in range(1, 11)
    ]


def test_what_is_reserved_is_in_no_what_if() -> None:
    rows = [decision(1, 0.9), decision(2, 0.8)]
    found = what_if.what_if("images", columns(rows, reserved=[rows[0].path]), LIMITS)
    assert {(w.images, w.mean) for w in found} == {(1, 0.8)}


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=50).map(np.array),
)
def test_round_scores_lie_between_the_lowest_and_the_highest(
    millionths: "np.typing.NDArray[np.int64]",
) -> None:
    found = what_if.scores_between(millionths)
    assert found == sorted(set(found))
    assert all(millionths.min() < round(score * 1e6) <= millionths.max() for score in found)
    if millionths.max() - millionths.min() > 20000:
        assert what_if.STEPS - 1 <= len(found) <= 3 * what_if.STEPS


@given(scored_images(), st.data())
def test_each_rule_is_tried_alone_and_left_away(drawn: Images, data: st.DataObject) -> None:
    cutoff, known = data.draw(tiles_with_variety(drawn[0]))
    cutoff = cutoff.model_copy(update={"scales": None, "per_section": {}, "per_source": {}})
    try:
        rows = decided(ranked(*drawn), cutoff, "x", known)
    except UserError:
        assume(False)
    lines = what_if.what_if("subimages", columns(rows, known), cutoff)
    found = {(line.by, line.limit): line.images for line in lines if line.section == ALL}
    names = [limit for by, limit in found if by == what_if.WITHOUT]
    for name in names:
        plain = {"limits": {}, "overlap": None, "per_photograph": None}
        rule = {k: getattr(cutoff, k) for k in plain if name.startswith(rule_words(k))}
        bare = {"count": None, "min_score": None}
        for by, changes in (
            (what_if.ONLY, plain | bare | rule),
            (what_if.WITHOUT, {k: plain[k] for k in rule}),
        ):
            other = cutoff.model_copy(update=changes)
            likes = known if other.overlap is not None else known._replace(alike={})
            mask = decide(columns(rows, likes), other).kept
            assert found.get((by, name), 0) == mask.sum()


@given(scored_images(), st.data())
def test_other_counts_and_floors_are_what_the_decision_makes_of_them(
    drawn: Images, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from([photographs_with_likes, tiles_with_variety]))
    rule, known = data.draw(kind(drawn[0]))
    c, choices = columns(ranked(*drawn), known, reserved=[drawn[0][0].path]), what_if.Choices()
    for count in (None, 1, 3):
        for floor in (None, 0.5):
            other = rule.model_copy(update={"count": count, "min_score": floor})
            assert np.array_equal(choices.chosen(c, other), decide(c, other).kept)


def rule_words(parameter: str) -> str:
    """How the names of its rules begin."""
    return {"limits": "white", "overlap": "overlap", "per_photograph": "beyond"}[parameter]
