"""The report of very many tiles: it counts all of them, and shows a sample that says so."""

import filecmp
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from stages.common import tables
from stages.common.pages import sampled
from stages.common.rows import Decision
from tests.browser import Open, barriers
from tests.report_project import ReportProject
from tests.test_report import data, numbers
from tests.test_report_page import shown

SMALL = {"MOST": 10, "EVENLY": 4, "BEST": 3, "EDGE": 2, "OF_EACH": 2, "FEWEST": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> ReportProject:
    made = ReportProject(tmp_path_factory.mktemp("whole"))
    made.make()
    return made


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportProject]:
    """The same set, of which the page has a sample."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(sampled, name, value)
        made = ReportProject(tmp_path_factory.mktemp("some"))
        made.make()
        yield made


def test_all_numbers_and_charts_are_of_all_tiles(whole: ReportProject, some: ReportProject) -> None:
    assert numbers(some.page.read_text()) == numbers(whole.page.read_text())
    one, other = (project.folder / "reports" / "charts" for project in (whole, some))
    names = sorted(path.name for path in one.iterdir())
    assert filecmp.cmpfiles(one, other, names, shallow=False) == (names, [], [])
    found = [data(project.page.read_text()) for project in (whole, some)]
    assert found[0]["cutoffs"] == found[1]["cutoffs"]
    assert found[0]["sets"]["images"] == found[1]["sets"]["images"]


def test_the_sample_has_tiles_of_every_kind_as_their_tables_have_them(
    whole: ReportProject, some: ReportProject
) -> None:
    every, few = (data(project.page.read_text())["sets"]["subimages"] for project in (whole, some))
    rows = tables.read(some.folder / "data/tables/cutoff_subimages.csv", Decision)
    places = [rank - 1 for rank in few["sample"]["rank"]]
    assert few["length"] == len(places) < every["length"] == few["sample"]["number"]
    assert {0, 1, 2, len(rows) - 1} <= set(places)
    kept = [i for i, row in enumerate(rows) if row.kept]
    beyond = [i for i, row in enumerate(rows) if row.reason.startswith("below the best")]
    assert {kept[-1], beyond[0]} <= set(places)
    assert {row.reason for row in rows} == {rows[i].reason for i in places}
    for name in ("score", "thumbnail", "bytes"):
        assert few[name] == [every[name][i] for i in places]
    for set_ in (every, few):
        set_["path"] = [
            set_["parents"]["group"][parent] + set_["suffixes"][suffix]
            for parent, suffix in zip(set_["parent"], set_["suffix"], strict=True)
        ]
    assert few["path"] == [every["path"][i] for i in places] == [rows[i].path for i in places]


def test_its_page_shows_the_figures_of_all_and_nothing_is_dragged(
    whole: ReportProject, some: ReportProject, open_page: Open
) -> None:
    pages: list[Page] = [open_page(project.page) for project in (whole, some)]
    assert shown(pages[1]) == shown(pages[0])
    page = pages[1]
    cut = page.locator(".cut[data-set=subimages]")
    expect(cut.locator(".count input")).to_be_disabled()
    expect(cut.locator(".take")).to_be_hidden()
    sides = [
        [p.locator(f".cut[data-set=subimages] .{side} button").all() for p in pages]
        for side in ("last-kept", "first-dropped")
    ]
    for before, after in sides:
        assert len(after) >= SMALL["EDGE"]
        assert len(after) <= len(before)
    expect(page.locator("#gallery .found")).to_contain_text("of a sample; the set has 64")
    expect(page.locator("#gallery [name=status]")).to_contain_text("of 30)")
    page.locator("#gallery .cell").last.click()
    expect(page.locator("#detail")).to_contain_text("rank 64 of 64")
    page.keyboard.press("Escape")
    assert barriers(page) == []


def test_a_page_of_a_sample_is_the_same_each_time(some: ReportProject, tmp_path: Path) -> None:
    other = ReportProject(tmp_path)
    assert other.make().read_bytes() == some.page.read_bytes()
