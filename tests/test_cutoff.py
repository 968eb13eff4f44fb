"""Cutoff: the best are kept, everything has a rank and a reason, and order does not matter."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages import cutoff
from stages.common import tables
from stages.common.cutoff_params import (
    Cutoff,
    CutoffParams,
    ImagesCutoff,
    Reference,
    Reserved,
    SectionCutoff,
    TilesCutoff,
)
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut
from stages.common.params import faults
from stages.common.rows import Decision, Score, Tile, TileMeasures
from stages.cutoff import summary
from tests.row_by_row import NOTHING, Candidate, columns, decided, ranked
from tests.strategies import cutoffs, hyperiqa, of_photographs, of_pieces, scored_images

Images = tuple[list[Candidate], list[Score]]


def images(*scores: float, section: str = "s") -> Images:
    """Images named a, b, c, ... with these scores."""
    names = [f"{section}/{chr(ord('a') + i)}" for i in range(len(scores))]
    candidates = [Candidate(name, section, name * 2, 100 + i) for i, name in enumerate(names)]
    return candidates, [Score(c.path, c.sha256, s) for c, s in zip(candidates, scores, strict=True)]


def cutoff_of(
    count: int | None = None,
    min_score: float | None = None,
    **per_section: dict[str, object],
) -> Cutoff:
    own = {name: SectionCutoff(**rule) for name, rule in per_section.items()}
    return Cutoff(count=count, min_score=min_score, report_at=0.5, limits={}, per_section=own)


def decisions(drawn: Images, rule: Cutoff, reserved: tuple[str, ...] = ()) -> list[Decision]:
    return decided(ranked(*drawn), rule, "cutoff.images", NOTHING, reserved)


def kept(rows: list[Decision]) -> list[str]:
    return [row.path for row in rows if row.kept]


def message_of(drawn: Images, rule: Cutoff) -> str:
    with pytest.raises(UserError) as raised:
        decisions(drawn, rule)
    return str(raised.value)


@given(scored_images(), st.data())
def test_every_group_keeps_its_best_and_none_below_its_floor(
    drawn: Images, data: st.DataObject
) -> None:
    rule = data.draw(cutoffs(drawn[0]))
    try:
        rows = decisions(drawn, rule)
    except UserError as error:
        assume("keeps none of" not in str(error))
        raise
    plain = [row._replace(kept=True, reason="", detail="") for row in rows]
    assert plain == ranked(*drawn)  # kept and dropped are all
    assert all((row.reason == "") == row.kept for row in rows)
    groups: dict[str, list[Decision]] = {}
    for row in rows:
        floor, group = rule.floor(row.section), rule.group(row.section)
        if rule.most(group) == 0:
            assert row.reason == f"section {group} is left out"
        elif floor is not None and row.hyperiqa < floor:
            assert row.reason == f"below the score {floor:g}"
        else:
            groups.setdefault(group, []).append(row)
    for group, members in groups.items():
        most = rule.most(group)
        assert kept(members) == [row.path for row in members][:most]


@given(scored_images(), st.data())
def test_a_higher_floor_never_keeps_more(drawn: Images, data: st.DataObject) -> None:
    rule = data.draw(cutoffs(drawn[0]))
    scores = sorted(data.draw(st.tuples(hyperiqa, hyperiqa)))
    found = []
    for floor in scores:
        try:
            found.append(set(kept(decisions(drawn, rule.model_copy(update={"min_score": floor})))))
        except UserError:
            found.append(set())
    low, high = found
    own = {s for s, r in rule.per_section.items() if "min_score" in r.model_fields_set}
    for section in {c.section for c in drawn[0]} - own:
        if rule.group(section) != "":  # in a common group another section's place may get free
            members = {c.path for c in drawn[0] if c.section == section}
            assert high & members <= low & members
    if not own:
        assert len(high) <= len(low)


@given(scored_images(), st.data())
def test_a_section_with_a_count_depends_on_its_own_rows_alone(
    drawn: Images, data: st.DataObject
) -> None:
    candidates, scores = drawn
    rule = data.draw(cutoffs(candidates))
    try:
        together = set(kept(decisions(drawn, rule)))
    except UserError:
        assume(False)
    for section in {c.section for c in candidates}:
        if rule.group(section) == section:
            own = [c for c in candidates if c.section == section]
            paths = {c.path for c in own}
            alone = rule.model_copy(update={"per_section": {section: rule.per_section[section]}})
            try:
                found = kept(decisions((own, [s for s in scores if s.path in paths]), alone))
            except UserError:
                found = []
            assert set(found) == together & paths


def test_both_limits_hold_together() -> None:
    drawn = images(0.9, 0.8, 0.7, 0.6)
    assert kept(decisions(drawn, cutoff_of(3, 0.75))) == ["s/a", "s/b"]
    assert kept(decisions(drawn, cutoff_of(1, 0.75))) == ["s/a"]
    assert kept(decisions(drawn, cutoff_of())) == ["s/a", "s/b", "s/c", "s/d"]
    rows = decisions(drawn, cutoff_of(1, 0.75))
    assert [(row.reason, row.detail) for row in rows] == [
        ("", ""),
        ("below the best 1", "rank 2"),
        ("below the score 0.75", "0.700000"),
        ("below the score 0.75", "0.600000"),
    ]


def test_at_the_limit_means_kept() -> None:
    rows = decisions(images(0.499999, 0.5, 0.500001), cutoff_of(min_score=0.5))
    assert [(row.path, row.kept) for row in rows] == [("s/c", True), ("s/b", True), ("s/a", False)]


def test_a_tie_at_the_count_goes_to_the_first_path() -> None:
    rows = decisions(images(0.5, 0.5, 0.5), cutoff_of(2))
    assert [(row.path, row.kept) for row in rows] == [("s/a", True), ("s/b", True), ("s/c", False)]


def test_what_is_reserved_is_never_kept_whatever_its_rank() -> None:
    rows = decisions(images(0.9, 0.8, 0.7), cutoff_of(2), reserved=("s/a", "not/there"))
    assert kept(rows) == ["s/b", "s/c"]
    assert rows[0].reason == "reserved for validation"


def two_sections() -> Images:
    faces, places = images(0.9, 0.8, 0.7, section="faces"), images(0.3, 0.2, 0.1, section="places")
    return faces[0] + places[0], faces[1] + places[1]


def test_a_section_overrides_only_what_it_names() -> None:
    rows = decisions(two_sections(), cutoff_of(None, 0.75, places={"count": 2, "min_score": None}))
    assert kept(rows) == ["faces/a", "faces/b", "places/a", "places/b"]
    assert [row.reason for row in rows if not row.kept] == [
        "below the score 0.75",
        "below the best 2 of section places",
    ]
    rows = decisions(two_sections(), cutoff_of(4, 0.25, faces={"min_score": 0.75}))
    assert kept(rows) == ["faces/a", "faces/b", "places/a"]
    rows = decisions(two_sections(), cutoff_of(1, faces={"count": None}))
    assert kept(rows) == ["faces/a", "faces/b", "faces/c", "places/a"]


def test_a_count_of_0_leaves_a_section_out() -> None:
    rows = decisions(two_sections(), cutoff_of(2, faces={"count": 0}))
    assert kept(rows) == ["places/a", "places/b"]
    assert rows[0].reason == "section faces is left out"
    assert rows[-1].reason == "below the best 2 of the other sections"


def test_more_than_there_are_is_told_with_both_numbers_and_the_group() -> None:
    assert message_of(images(0.1, 0.2), cutoff_of(3000)) == (
        "cutoff.images.count asks for 3,000 of only 2 images: lower it, or set it to null for all"
    )
    assert message_of(two_sections(), cutoff_of(1, faces={"count": 4})) == (
        "cutoff.images.per_section.faces.count asks for 4 of only 3 of section faces: lower it, or "
        "set it to null for all"
    )
    assert message_of(two_sections(), cutoff_of(4, faces={"count": 1})).startswith(
        "cutoff.images.count asks for 4 of only 3 of the other sections: "
    )


def test_none_at_a_score_is_told_with_the_best() -> None:
    assert message_of(images(0.1, 0.2), cutoff_of(min_score=0.75)) == (
        "cutoff.images keeps none of 2 (2 below the score 0.75; the best has 0.200000): loosen it"
    )


def test_an_unknown_section_is_told_with_the_known() -> None:
    rule = cutoff_of(1, face={"count": 1})
    assert message_of(two_sections(), rule) == (
        "cutoff.images.per_section names face, but the sections are faces, places: correct it"
    )


def test_the_numbers_of_a_cut() -> None:
    rows = decisions(images(0.1, 0.9, 0.5, 0.7), cutoff_of(2))
    mask = np.array([row.kept for row in rows])
    assert "reach" not in summary(columns(rows), mask, None)
    assert summary(columns(rows), mask, 0.5) == {
        "images": 4,
        "kept": 2,
        "mean": 0.8,
        "min": 0.7,
        "max": 0.9,
        "bytes": 101 + 103,
        "reach": 3,
    }


def test_the_stage_writes_table_and_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    candidates, scores = two_sections()
    tiles = [
        Tile(c.path, c.section, c.sha256, c.path, "1", 9, 9, 0, 0, 9, 9, c.path, c.path)
        for c in candidates
    ]
    measures = [TileMeasures(c.path, c.sha256, 1.0, 0.0, 0.0, c.bytes) for c in candidates]
    tables.write(tmp_path / "in.csv", Tile, tiles)
    tables.write(tmp_path / "scores.csv", Score, scores)
    tables.write(tmp_path / "measures.csv", TileMeasures, measures)
    tables.write(tmp_path / "reference.csv", Score, [])
    (tmp_path / "leave_out.csv").write_text("image,reason\n")
    rule, other = cutoff_of(4).model_dump(), cutoff_of(6).model_dump()
    params = CutoffParams(
        images=ImagesCutoff(**other, near_duplicates=None),
        subimages=TilesCutoff(**rule, overlap=0.5, per_photograph=1, scales=None),
    )
    cutoff.main(
        "subimages",
        tmp_path / "in.csv",
        tmp_path / "scores.csv",
        tmp_path / "measures.csv",
        tmp_path / "neighbours.csv",
        tmp_path / "leave_out.csv",
        tmp_path / "reference.csv",
        tmp_path / "out.csv",
        tmp_path / "m.json",
        params,
        Reserved(picks=[]),
    )
    rows = tables.read(tmp_path / "out.csv", Decision)
    assert rows == decided(ranked(candidates, scores), cutoff_of(4), "cutoff.subimages", NOTHING)
    mask = np.array([row.kept for row in rows])
    assert json.loads((tmp_path / "m.json").read_text()) == summary(columns(rows), mask, 0.5)
    assert capsys.readouterr().out == (
        "kept 4 of 6 subimages · hyperiqa mean 0.675000, min 0.300000, max 0.900000 · 0.0 MB · "
        "3 reach 0.5\n"
    )


def test_what_a_person_leaves_out_makes_room_for_the_next() -> None:
    rows = ranked(*images(0.9, 0.8, 0.7, 0.6))
    by_hand = [LeftOut("s/a", "a watermark"), LeftOut("s/c" * 2, ""), LeftOut("s/z", "not there")]
    found = decided(rows, cutoff_of(1), "cutoff.images", NOTHING, left_out=by_hand)
    assert [(row.path, row.reason, row.detail) for row in found] == [
        ("s/a", "left out by hand", "a watermark"),
        ("s/b", "", ""),
        ("s/c", "left out by hand", ""),  # by its hash
        ("s/d", "below the best 1", "rank 2"),
    ]


def test_photographs_and_tiles_are_each_cut_by_references_scored_as_they_are() -> None:
    good = Reference(reference="data/reference/good")
    rule = cutoff_of(min_score=None).model_copy(update={"min_score": good})
    both = CutoffParams(images=of_photographs(rule), subimages=of_pieces(rule)).measured(
        images=[Score("good/a.png", "", 0.7)], subimages=[Score("good/a.png", "", 0.6)]
    )
    assert (both.images.floor("a"), both.subimages.floor("a")) == (0.7, 0.6)


def test_a_reference_is_the_mean_score_of_its_folder() -> None:
    good = Reference(reference="data/reference/good")
    rule = cutoff_of(min_score=None, night={"min_score": good}).model_copy(
        update={"min_score": Reference(reference="data/reference/good/faces/")}
    )
    scores = [
        Score("good/faces/a.png", "", 0.7),
        Score("good/faces/b.png", "", 0.800001),
        Score("good/c.png", "", 0.3),
        Score("goodness/d.png", "", 0.1),
    ]
    measured = rule.measured(scores)
    assert (measured.floor("faces"), measured.floor("night")) == (0.75, 0.6)
    both = CutoffParams(
        images=ImagesCutoff(**dict(rule), near_duplicates=None),
        subimages=TilesCutoff(**dict(cutoff_of(3)), overlap=None, per_photograph=None, scales=None),
    ).measured(images=scores, subimages=[])
    assert both.images.model_dump() == measured.model_dump() | {"near_duplicates": None}
    assert both.subimages.count == 3
    with pytest.raises(UserError) as raised:
        rule.measured(scores[2:])
    assert str(raised.value) == (
        "data/reference/good/faces/ holds no image: put good photographs there"
    )


@pytest.mark.parametrize(
    "floor", ["high", True, {"reference": "data/other/x"}, {"reference": "data/reference/"}, {}]
)
def test_a_floor_that_is_none_has_one_message(floor: object) -> None:
    values = cutoff_of().model_dump() | {"min_score": floor}
    (message,) = faults(Cutoff, "cutoff.images", values)
    assert message == (
        "cutoff.images.min_score must be a finite number, null or {reference: "
        f"data/reference/NAME}}, got {floor!r}"
    )
