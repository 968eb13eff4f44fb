"""What the report says in words: no image without a way out, and the parameters as they are."""

from pathlib import Path
from typing import Any

import pytest

from stages.common.leave_out import LeftOut
from stages.common.pages import listed, overview, sheets
from stages.common.pages.overview import contact_sheets, facts, left_out, limit, steps
from tests.report_project import PARAMETERS, RULES, SCORER, ReportProject


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ReportProject:
    made = ReportProject(tmp_path_factory.mktemp("set"), left_out=[LeftOut("places/a.jpg", "why")])
    made.make()
    return made


@pytest.fixture(scope="module")
def t(project: ReportProject) -> listed.Tables:
    return listed.read(project.folder / "data" / "tables")


def test_what_goes_into_a_step_comes_out_or_has_a_reason(t: listed.Tables) -> None:
    found = steps(t)
    assert [step.stage for step in found] == [
        "gather",
        "screen",
        "cutoff",
        "multiscale",
        "subimages",
        "cutoff",
    ]
    into = [
        len(t.gathered_images) + len(t.unreadable_images),
        len(t.gathered_images),
        len(t.screened),
        len(t.multiscale),
        len(t.subimages),
        len(t.cutoff_subimages),
    ]
    for step, number in zip(found, into, strict=True):
        assert step.out.images + sum(n.images for n in step.left_out) == number, step.stage
        counts = [n.images for n in step.left_out if n.what != overview.CHOSEN]
        assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "the best 8; 1 section by its own rule"),
        ({"count": None, "per_section": {}}, "all"),
        ({"count": 12000, "min_score": 0.5, "per_section": {}}, "the best 12,000 from 0.5"),
        (
            {
                "count": None,
                "min_score": {"reference": "data/reference/good"},
                "per_section": {"a": {}, "b": {}},
            },
            "all from data/reference/good; 2 sections by their own rules",
        ),
    ],
)
def test_a_cutoff_is_told_in_words(change: dict[str, Any], text: str) -> None:
    assert limit(RULES["images"] | change) == text


def test_the_front_names_what_made_the_set() -> None:
    found = dict(facts(PARAMETERS | {"cutoff": RULES}, SCORER))
    assert found["Scales"] == "1, 0.75"
    assert found["Tiles"] == "48 px, one every 48 px"
    assert found["Scorer"] == "HyperIQA, builtin, crops cover"
    assert found["Scored on"] == "cpu, fp32, openvino 1"
    assert found["Weights' SHA-256"] == "abababababababab…"
    scorer = SCORER | {"photographs_short_edge": 768}
    assert dict(facts(PARAMETERS | {"cutoff": RULES}, scorer))["Scorer"] == (
        "HyperIQA, builtin, crops cover, photographs at a short edge of at most 768 px"
    )


def test_every_picture_of_a_contact_sheet_is_there(
    project: ReportProject, t: listed.Tables
) -> None:
    found = contact_sheets(t, project.folder / "reports" / "thumbnails")
    assert len({it.file for it in found}) == len(found)
    pictures = [picture for it in found for picture in it.pictures]
    assert len(sheets.thumbnails(pictures)) > 40
    (best,) = [it for it in found if it.file == "subimages_00_best.png"]
    first = t.cutoff_subimages[0]
    assert best.pictures[0].name == Path(first.path).stem
    assert best.pictures[0].note == f"#1   {first.hyperiqa:.4f}"


def test_what_is_left_out_by_hand_has_its_reason(t: listed.Tables) -> None:
    assert left_out(t) == [("places/a.jpg", "why")]
