"""The data of the report's scripts: read back, it is the tables."""

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.cutoff_params import (
    Limit,
    Reference,
    SectionCutoff,
    Shares,
    SourceCutoff,
    TilesCutoff,
)
from stages.common.leave_out import LeftOut
from stages.common.pages import gallery, listed, thumbnails
from stages.common.pages.gallery import CHOSEN, coded, column, limits
from tests.report_project import ReportProject


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ReportProject:
    made = ReportProject(
        tmp_path_factory.mktemp("set"), left_out=[LeftOut("places/a.jpg", "blurred")]
    )
    made.make()
    return made


@pytest.fixture(scope="module")
def t(project: ReportProject) -> listed.Tables:
    return listed.read(project.folder / "data" / "tables")


def whole(values: Any, length: int) -> list[Any]:
    """A column with all its values."""
    return values if isinstance(values, list) else [values] * length


@given(st.lists(st.integers(0, 3)))
def test_a_column_of_one_value_is_that_value(values: list[int]) -> None:
    assert whole(column(values), len(values)) == values
    assert isinstance(column(values), list) == (len(set(values)) != 1)


@given(st.lists(st.sampled_from("abc")))
def test_names_are_listed_once(names: list[str]) -> None:
    codes, different = coded(names, ["first"])
    assert [different[i] for i in whole(codes, len(names))] == names
    assert different == ["first", *sorted(set(names))]


def test_tiles_are_those_of_the_tables(project: ReportProject, t: listed.Tables) -> None:
    made = gallery.tiles(t)
    n, parents = made["length"], made["parents"]
    by_path = {tile.path: tile for tile in t.subimages}
    rows = [by_path[row.path] for row in t.cutoff_subimages]
    parent = whole(made["parent"], n)
    suffixes = [made["suffixes"][i] for i in whole(made["suffix"], n)]
    assert [parents["group"][p] + s for p, s in zip(parent, suffixes, strict=True)] == [
        row.path for row in rows
    ]
    assert [made["statuses"][i] for i in whole(made["status"], n)] == [
        row.reason or "kept" for row in t.cutoff_subimages
    ]
    assert [score / 1e6 for score in made["score"]] == [r.hyperiqa for r in t.cutoff_subimages]
    for name in ("left", "top", "width", "height"):
        assert whole(made[name], n) == [getattr(row, name) for row in rows]
    assert whole(made["bytes"], n) == [row.bytes for row in t.cutoff_subimages]
    digests = base64.b64decode(made["sha256"])
    assert [digests[32 * i : 32 * i + 32].hex() for i in range(n)] == [row.pixels for row in rows]
    photographs = gallery.outcomes(t)
    assert [photographs[parents["photograph"][p]].path for p in parent] == [
        row.photograph for row in rows
    ]
    assert [parents["scales"][whole(parents["scale"], n)[p]] for p in parent] == [
        row.scale for row in rows
    ]
    places = thumbnails.places(t.subimages)
    assert [
        thumbnails.place(parents["group"][p], number)
        for p, number in zip(parent, whole(made["thumbnail"], n), strict=True)
    ] == [places[row.path] for row in rows]


def test_photographs_are_all_that_were_gathered(t: listed.Tables) -> None:
    made = gallery.photographs(t)
    n = made["length"]
    assert sorted(made["path"]) == sorted(row.path for row in t.gathered_images)
    assert made["path"][: made["ranked"]] == [row.path for row in t.cutoff_images]
    assert [t.gathered_images[i].path for i in made["thumbnail"]] == made["path"]
    reasons = [made["statuses"][i] for i in whole(made["status"], n)]
    details = whole(made["detail"], n)
    end = dict(zip(made["path"], zip(reasons, details, strict=True), strict=True))
    assert end["small/0.jpg"] == ("too small", "9 px")
    assert end["places/a.jpg"] == ("left out by hand", "blurred")
    assert end[t.validation[0].photograph][0] == CHOSEN
    assert sorted(made["path"][i] for i in made["earlier"]) == [
        "places/a.jpg",
        "small/0.jpg",
        "small/1.jpg",
    ]


def test_a_cutoff_names_sections_by_their_places() -> None:
    written = TilesCutoff(
        count=None,
        min_score=Reference(reference="data/reference/good"),
        report_at=None,
        limits={"bits": Limit(min=0.5)},
        overlap=0.5,
        per_photograph=3,
        scales=None,
        per_section={
            "a": SectionCutoff(count=3),
            "c": SectionCutoff(count=None, min_score=0.25),
            "gone": SectionCutoff(count=1),
        },
    )
    measured = written.model_copy(update={"min_score": 0.5})
    assert limits(measured, written, ["a", "b", "c"], ["1"]) == {
        "count": None,
        "minScore": 0.5,
        "written": "{reference: data/reference/good}",
        "floors": {2: 0.25},
        "counts": {0: 3, 2: None},
        "limits": {"bits": {"min": 0.5}},
        "perSource": {},
        "perPhotograph": 3,
        "shares": [],
    }
    of = {"b": SourceCutoff(count=3), "gone": SourceCutoff(count=0)}
    rule = measured.model_copy(update={"per_source": of})
    found = limits(rule, rule, [], ["1"], ["a", "b"])["perSource"]
    assert found == {1: {"count": 3, "minScore": None}}
    shares = Shares(shares={"0.75": 0.5, "1": 0.25})
    shared = measured.model_copy(update={"scales": shares})
    assert limits(shared, written, [], ["0.75", "1"])["shares"] == [[0, 0.5], [1, 0.25]]
    assert limits(measured, measured, [], [])["written"] == "0.5"


def test_the_data_is_small(project: ReportProject, t: listed.Tables) -> None:
    page = Path(project.page).read_text()
    start = page.index('<script type="application/json"')
    size = page.index("</script>", start) - start
    assert size < 130 * (len(t.subimages) + len(t.gathered_images)) + 5000
