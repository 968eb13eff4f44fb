"""The page of experiments: which tiles each adds and drops, where their pictures are."""

import re
from pathlib import Path

import pytest

from stages.common import tables
from stages.common.pages import compared
from stages.common.pages.comparison import Entry
from stages.common.rows import Decision, Tile
from stages.common.versions.experiments import Version

TILES = 130
ODD = "a&b<i>'\" ü"


def tile(i: int) -> Tile:
    """The i-th tile of one parent, from the left."""
    section = ("faces", "night")[i % 2]
    return Tile(
        path=f"p_s{i:03d}.png",
        section=section,
        pixels=f"{i:064x}",
        parent="p #1.png",
        scale="1",
        scaled_width=8 * TILES,
        scaled_height=8,
        left=8 * i,
        top=0,
        width=8,
        height=8,
        photograph="p.jpg",
        photograph_sha256="0",
    )


def entry(folder: Path, name: str, count: int, changed: int = -1) -> Entry:
    """A version that keeps the first so many tiles; one of them has other bytes."""
    rows = [
        Decision(i + 1, t.path, t.section, t.pixels, 1000, 1 - i / 1000, i < count, "", "")
        for i, t in enumerate(map(tile, range(TILES)))
    ]
    if changed >= 0:
        rows[changed] = rows[changed]._replace(sha256="f" * 64)
    path = folder / f"{count} {changed}.csv"
    tables.write(path, Decision, rows)
    limits = {"count": count, "min_score": None, "report_at": 0.5}
    sections = {"faces": 0.5, ODD: 0.5}
    metrics = {"tiles": count, "mean": 0.9, "sections": sections, "scales": {"1": 1.0}}
    return Entry(name, Version({"cutoff": {"subimages": limits}}, metrics, path))


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    sheets = tmp_path / "reports/thumbnails/subimages"
    sheets.mkdir(parents=True)
    for i in range(2):  # the third was not written
        (sheets / f"p #1_{i}.jpg").touch()
    tables.write(tmp_path / "tiles.csv", Tile, map(tile, range(TILES)))
    return [
        entry(tmp_path, "last commit", 60),
        entry(tmp_path, "more", 129),
        entry(tmp_path, ODD, 58, changed=3),
        entry(tmp_path, "same", 60),
    ]


def test_what_is_added_and_dropped_is_counted_and_shown(
    entries: list[Entry], tmp_path: Path
) -> None:
    page = compared.page(entries, "0123456789", tmp_path / "tiles.csv", tmp_path)
    heads = re.findall(r"<h3>((?:Adds|Drops).*?)</h3>", page, re.DOTALL)
    assert heads == [
        "Adds 69 tiles, 48 of them shown, best first",
        "Adds 1 tile, best first",
        "Drops 3 tiles, best first",
    ]
    places = re.findall(r"title=\"(.*?), score (.*?)\".*?url\('(.*?)'\) -(\d+)px -(\d+)px", page)
    assert len(places) == 48 + 1 + 3
    sheet = "thumbnails/subimages/p%20%231_{}.jpg"
    assert places[0] == (
        "p_s060.png",
        "0.9400",
        sheet.format(0),
        "512",
        "896",
    )  # cell 60 of 8 a row
    assert places[47] == ("p_s127.png", "0.8730", sheet.format(1), "896", "896")
    assert [name for name, *_ in places[48:]] == [f"p_s{i:03d}.png" for i in (3, 3, 58, 59)]
    assert "It keeps the same tiles as the last commit." in page


def test_names_are_text_and_the_page_is_the_same_each_time(
    entries: list[Entry], tmp_path: Path
) -> None:
    table = tmp_path / "tiles.csv"
    page = compared.page(entries, "0123456789", table, tmp_path)
    assert page == compared.page(entries, "0123456789", table, tmp_path)
    assert "<i>" not in page
    assert page.count("Share of each of the sections") == 2  # and none of the one scale
    assert "Share of each of the scales" not in page
    assert "<svg" in page
