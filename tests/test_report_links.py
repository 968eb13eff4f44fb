"""Links of the report: to a file that is there, or words in place of one."""

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser import Open
from tests.report_project import TILE, ReportProject

EVERY_LINK = """(key) => Array.from(sets[key].score, (_, i) => {
    detail.open(sets[key], i);
    return [...document.querySelectorAll("dialog a[href], dialog img[src]")].map(
        (it) => new URL(it.href ?? it.src).href);
}).flat()"""
FILES = {"size": TILE, "step": TILE, "files": "kept"}


def made(folder: Path, **parameters: Any) -> ReportProject:
    project = ReportProject(folder, parameters=parameters)
    project.make()
    return project


def links(page: Page, key: str) -> set[str]:
    """All addresses that the details of all images lead to."""
    return set(page.evaluate(EVERY_LINK, key))


def dead(urls: set[str]) -> list[str]:
    """Those that lead to no file; names need not be UTF-8."""
    paths = {url: os.fsdecode(unquote_to_bytes(urlsplit(url).path)) for url in urls}
    return sorted(url for url, path in paths.items() if not Path(path).is_file())


def keep(project: ReportProject) -> None:
    """What is on the disk where only the tiles of the set are written."""
    data = project.folder / "data"
    (data / "dataset" / project.name).mkdir(parents=True)
    kept = [row for row in project.decisions["subimages"] if row.kept]
    for number, row in enumerate(kept):
        target = data / "dataset" / project.name / f"{number}.png"
        shutil.copyfile(data / "subimages" / row.path, target)
    shutil.rmtree(data / "subimages")
    shutil.rmtree(data / "multiscale")


@pytest.mark.parametrize("files", ["all", "kept"])
def test_every_link_leads_to_a_file(tmp_path: Path, open_page: Open, files: str) -> None:
    project = made(tmp_path / "a set", subimages=FILES | {"files": files})
    if files == "kept":
        keep(project)
    page = open_page(project.page)
    urls = links(page, "images") | links(page, "subimages")
    assert dead(urls) == []
    assert len(urls) >= 30 + 14


def test_a_tile_that_is_no_file_is_told_in_words(tmp_path: Path, open_page: Open) -> None:
    project = made(tmp_path, subimages=FILES)
    keep(project)
    page = open_page(project.page)
    rows = project.decisions["subimages"]
    place, row = next((i, row) for i, row in enumerate(rows) if not row.kept)
    (tile,) = [tile for tile in project.tiles if tile.path == row.path]
    page.evaluate("i => detail.open(tiles, i)", place)
    assert page.locator("dialog .full a").count() == 0
    side = tile.scaled_width
    assert page.locator("dialog .full .note").inner_text() == (
        "Not kept, so it is no file (subimages.files: kept). It is the box 48 × 48 px at "
        f"{tile.left}, {tile.top} of {tile.photograph} at {side} × {side} px."
    )
    parent = page.locator("dialog .parent img")  # the photograph itself, at the size of this scale
    box, whole = page.locator("dialog .box").bounding_box(), parent.bounding_box()
    assert box
    assert whole
    assert whole["width"] == pytest.approx(side)
    assert (box["x"] - whole["x"]) / side == pytest.approx(tile.left / side, abs=0.01)


def test_photographs_of_other_folders_archives_and_urls(tmp_path: Path, open_page: Open) -> None:
    more = {"faces": str(tmp_path / "far away"), "places": "s3://bucket/places"}
    project = made(tmp_path, gather={"source": "data/source", "more": more}, subimages=FILES)
    keep(project)
    source = project.folder / "data" / "source"
    shutil.move(source / "faces", tmp_path / "far away")
    shutil.rmtree(source / "places")
    page = open_page(project.page)
    urls = links(page, "images") | links(page, "subimages")
    assert dead(urls) == []
    assert f"{(tmp_path / 'far away').as_uri()}/Ann.jpg" in urls
    assert not any("places" in url for url in urls)
    page.evaluate("detail.open(photographs, photographs.paths.indexOf('places/a.jpg'))")
    assert (
        page.locator("dialog .full .note").inner_text() == "The photograph is at s3://bucket/places"
    )
