"""Cutoff: the best are kept, everything has a rank and a reason, and order does not matter."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages import cutoff
from stages.common import tables
from stages.common.errors import UserError
from stages.common.tables import Candidate, Score, Verdict
from stages.cutoff import Cutoff, CutoffParams, Policy, judged, ranked, summary
from tests.strategies import cutoffs, hyperiqa, scored_images

Images = tuple[list[Candidate], list[Score]]


def images(*scores: float, section: str = "s") -> Images:
    """Images named a, b, c, ... with these scores."""
    names = [f"{section}/{chr(ord('a') + i)}" for i in range(len(scores))]
    candidates = [Candidate(name, section, name * 2, 100 + i) for i, name in enumerate(names)]
    return candidates, [Score(c.path, c.sha256, s) for c, s in zip(candidates, scores, strict=True)]


def policy(by: str, count: int = 1, score: float = 0.5, **per_section: Policy) -> Cutoff:
    return Cutoff(by=by, count=count, score=score, per_section=per_section)


def verdicts(drawn: Images, rule: Cutoff) -> list[Verdict]:
    return judged(ranked(*drawn), rule, "cutoff.images")


def told(drawn: Images, rule: Cutoff) -> str:
    with pytest.raises(UserError) as raised:
        verdicts(drawn, rule)
    return str(raised.value)


@given(scored_images())
def test_ranks_are_by_score_then_by_path_and_rows_in_are_rows_out(drawn: Images) -> None:
    candidates, scores = drawn
    rows = ranked(candidates, scores)
    score_of = {score.path: score.hyperiqa for score in scores}
    assert [row.rank for row in rows] == list(range(1, len(candidates) + 1))
    assert {(r.path, r.section, r.sha256, r.bytes) for r in rows} == set(candidates)
    assert [row.hyperiqa for row in rows] == [score_of[row.path] for row in rows]
    keys = [(-row.hyperiqa, row.path) for row in rows]
    assert keys == sorted(keys)


@given(scored_images(), st.data())
def test_the_order_of_the_rows_changes_nothing(drawn: Images, data: st.DataObject) -> None:
    candidates, scores = drawn
    shuffled = data.draw(st.permutations(candidates)), data.draw(st.permutations(scores))
    assert ranked(*shuffled) == ranked(candidates, scores)


@given(scored_images(), st.data())
def test_every_group_keeps_its_best(drawn: Images, data: st.DataObject) -> None:
    rule = data.draw(cutoffs(drawn[0]))
    try:
        rows = verdicts(drawn, rule)
    except UserError as error:
        assume("keeps none at" not in str(error))
        raise
    assert [row._replace(kept=False, reason="") for row in rows] == ranked(*drawn)
    groups: dict[str | None, list[Verdict]] = {}
    for row in rows:
        groups.setdefault(row.section if row.section in rule.per_section else None, []).append(row)
    for name, group in groups.items():
        own: Policy = rule if name is None else rule.per_section[name]
        kept = [row for row in group if row.kept]
        assert kept == group[: len(kept)]  # the best of the group, by rank
        if own.by == "count":
            assert len(kept) == own.count
            reason = f"below the best {own.count}"
        else:
            assert len(kept) == sum(row.hyperiqa >= own.score for row in group)
            reason = f"below the score {own.score:g}"
        assert {row.reason for row in kept} <= {""}
        assert {row.reason for row in group if not row.kept} <= {reason}


@given(scored_images(), hyperiqa)
def test_a_higher_score_keeps_a_part_of_what_a_lower_keeps(drawn: Images, score: float) -> None:
    best = max(s.hyperiqa for s in drawn[1])
    low, high = sorted((min(score, best), best))
    kept = [
        {row.path for row in verdicts(drawn, policy("score", score=limit)) if row.kept}
        for limit in (low, high)
    ]
    assert kept[1] <= kept[0]
    assert kept[1] == {s.path for s in drawn[1] if s.hyperiqa == best}


@given(scored_images(), st.data())
def test_a_higher_count_adds_to_what_a_lower_keeps(drawn: Images, data: st.DataObject) -> None:
    counts = sorted(data.draw(st.lists(st.integers(1, len(drawn[0])), min_size=2, max_size=2)))
    few, many = (
        [row.path for row in verdicts(drawn, policy("count", count)) if row.kept]
        for count in counts
    )
    assert (len(few), len(many)) == tuple(counts)
    assert many[: len(few)] == few


def test_at_the_limit_means_kept() -> None:
    rows = verdicts(images(0.499999, 0.5, 0.500001), policy("score", score=0.5))
    assert [(row.path, row.kept) for row in rows] == [("s/c", True), ("s/b", True), ("s/a", False)]
    assert rows[2].reason == "below the score 0.5"


def test_a_tie_at_the_count_goes_to_the_first_path() -> None:
    rows = verdicts(images(0.5, 0.5, 0.5), policy("count", 2))
    assert [(row.path, row.kept) for row in rows] == [("s/a", True), ("s/b", True), ("s/c", False)]
    assert rows[2].reason == "below the best 2"


def two_sections() -> Images:
    faces, places = images(0.9, 0.8, 0.7, section="faces"), images(0.3, 0.2, 0.1, section="places")
    return faces[0] + places[0], faces[1] + places[1]


def test_a_section_is_cut_by_its_own_rule() -> None:
    rule = policy("score", score=0.75, places=Policy(by="count", count=2, score=0.75))
    rows = verdicts(two_sections(), rule)
    kept = [row.path for row in rows if row.kept]
    assert kept == ["faces/a", "faces/b", "places/a", "places/b"]
    assert [row.reason for row in rows if not row.kept] == [
        "below the score 0.75",
        "below the best 2",
    ]


def test_where_every_section_has_its_own_rule_the_common_one_is_not_asked() -> None:
    one = Policy(by="count", count=1, score=0.5)
    rows = verdicts(two_sections(), policy("count", 10**6, faces=one, places=one))
    assert [row.path for row in rows if row.kept] == ["faces/a", "places/a"]


def test_more_than_there_are_is_told_with_both_numbers() -> None:
    assert told(images(0.1, 0.2), policy("count", 3000)) == (
        "cutoff.images.count asks for 3,000 of only 2: lower it"
    )
    rule = policy("count", 1, faces=Policy(by="count", count=4, score=0.5))
    assert told(two_sections(), rule) == (
        "cutoff.images.per_section.faces.count asks for 4 of only 3: lower it"
    )


def test_none_at_a_score_is_told_with_the_best() -> None:
    assert told(images(0.1, 0.2), policy("score", score=0.75)) == (
        "cutoff.images.score keeps none at 0.75: the best has 0.200000: lower it"
    )
    rule = policy("count", 1, places=Policy(by="score", count=1, score=0.4))
    assert told(two_sections(), rule) == (
        "cutoff.images.per_section.places.score keeps none at 0.4: the best has 0.300000: lower it"
    )


def test_an_unknown_section_is_told_with_the_known() -> None:
    rule = policy("count", 1, face=Policy(by="count", count=1, score=0.5))
    assert told(two_sections(), rule) == (
        "cutoff.images.per_section names face, but the sections are faces, places: correct it"
    )


def test_scores_of_other_images_are_told() -> None:
    candidates, scores = images(0.1, 0.2)
    for other in (scores[:1], [*scores, Score("s/z", "00", 0.5)]):
        with pytest.raises(UserError) as raised:
            ranked(candidates, other)
        assert (
            str(raised.value) == "the table and its scores list different images: run `dvc repro`"
        )


def test_the_numbers_of_a_cut() -> None:
    rows = verdicts(images(0.1, 0.9, 0.5, 0.7), policy("count", 2))
    assert summary(rows, 0.5) == {
        "images": 4,
        "kept": 2,
        "mean": 0.8,
        "min": 0.7,
        "max": 0.9,
        "bytes": 101 + 103,
        "reach_score": 3,
    }


def test_the_stage_writes_table_and_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    candidates, scores = two_sections()
    tables.write(tmp_path / "in.csv", Candidate, candidates)
    tables.write(tmp_path / "scores.csv", Score, scores)
    rule, other = policy("count", 4), policy("count", 6)
    cutoff.main(
        "subimages",
        tmp_path / "in.csv",
        tmp_path / "scores.csv",
        tmp_path / "out.csv",
        tmp_path / "m.json",
        CutoffParams(images=other, subimages=rule),
    )
    rows = tables.read(tmp_path / "out.csv", Verdict)
    assert rows == judged(ranked(candidates, scores), rule, "cutoff.subimages")
    assert json.loads((tmp_path / "m.json").read_text()) == summary(rows, 0.5)
    assert capsys.readouterr().out == (
        "kept 4 of 6 subimages · hyperiqa mean 0.675000, min 0.300000, max 0.900000 · 0.0 MB · "
        "3 reach 0.5\n"
    )
