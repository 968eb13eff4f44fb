"""Report: it counts what is in the tables, shows every sheet and chart, and needs no network."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from stages import report
from stages.common import tables
from stages.common.leave_out import LeftOut
from stages.common.pages.gallery import CHOSEN
from stages.common.pixels.images import read
from stages.common.rows import ProbePoint
from stages.common.what_if import NO_RULE, ONLY, WITHOUT, WhatIf
from tests.common.pages.test_html import Cells
from tests.report_project import NAMES, ReportProject


class Links(HTMLParser):
    """Everything that a page would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for key, value in attrs if key in ("src", "href")]


def numbers(html: str) -> list[tuple[int, str]]:
    """The numbers of the flow, and what they are of."""
    found = re.findall(r'<a class="number [^>]*><b>([\d,]+)</b> ([^<]+)</a>', html)
    return [(int(number.replace(",", "")), what) for number, what in found]


def data(html: str) -> dict[str, Any]:
    """What the scripts know."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    value: dict[str, Any] = json.loads(found)
    return value


def test_the_page_counts_the_flow(tmp_path: Path) -> None:
    html = ReportProject(tmp_path).make().read_text()
    assert numbers(html) == [
        (14, "photographs"),
        (1, "not an image"),
        (12, "may be used"),
        (2, "too small"),
        (8, "kept photographs"),
        (1, CHOSEN),
        (2, "section caf\\udce9 is left out"),
        (1, "below the best 8 of the other sections"),
        (16, "images at all scales"),
        (64, "tiles"),
        (30, "tiles in the set"),
        (32, "below the best 30"),
        (2, "bits below 0.1"),
    ]


def test_the_page_shows_every_sheet_and_loads_nothing_else(tmp_path: Path) -> None:
    html = ReportProject(tmp_path).make().read_text()
    sheets = sorted((tmp_path / "reports" / "sheets").iterdir())
    links = [link for link in Links(html).found if not link.startswith("#")]
    assert sorted(links) == [f"sheets/{path.name}" for path in sheets]
    whats = ("best", "last-kept", "first-dropped", "worst", "fewest-bytes-per-pixel")
    for which in ("images", "subimages"):
        names = [path.name for path in sheets if path.name.startswith(f"{which}_")]
        assert names[:5] == [f"{which}_{i:02d}_{what}.png" for i, what in enumerate(whats)]
    assert [path.name for path in sheets][-3:] == [
        "subimages_09_scale-0-75.png",
        "subimages_10_scale-1.png",
        "validation.png",
    ]
    charts = sorted(path.name for path in (tmp_path / "reports" / "charts").iterdir())
    kinds = ("curve", "histogram", "sections")
    assert charts == [f"{which}_{kind}.png" for which in ("images", "subimages") for kind in kinds]
    for path in [*sheets, *(tmp_path / "reports" / "charts").iterdir()]:
        assert read(path).ndim == 3


def test_the_page_is_a_whole_document_that_loads_nothing(tmp_path: Path) -> None:
    html = ReportProject(tmp_path, name="Faces_and-places").make().read_text()
    assert html.startswith("<!doctype html>\n")
    assert html.endswith("</html>\n")
    assert "<title>Faces_and-places · report</title>" in html
    assert re.findall(r"https?://(?!www\.w3\.org/)|@import|<link", html) == []


def test_the_same_set_gives_the_same_bytes_with_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for workers in ("0", "2"):
        monkeypatch.setenv("SRSET_WORKERS", workers)
        project = ReportProject(tmp_path / workers)
        project.make()
        files = sorted(p for p in (project.folder / "reports").rglob("*") if p.is_file())
        made.append({p.relative_to(project.folder): p.read_bytes() for p in files})
    assert made[0] == made[1]


def test_names_of_people_are_text_and_no_markup(tmp_path: Path) -> None:
    html = ReportProject(tmp_path).make().read_text()
    assert ["caf\\udce9.txt", "not an image", "text"] in Cells(html).rows
    assert "<i>c</i>" not in html
    assert set(data(html)["sets"]["images"]["path"]) >= set(NAMES)


def test_what_is_left_out_by_hand_is_listed_with_its_reason(tmp_path: Path) -> None:
    left_out = [LeftOut("places/a.jpg", "a <sign>, blurred")]
    html = ReportProject(tmp_path, left_out=left_out).make().read_text()
    assert ["places/a.jpg", "a <sign>, blurred"] in Cells(html).rows
    assert (1, "left out by hand") in numbers(html)


def test_a_set_without_validation_and_rejects_has_no_such_parts(tmp_path: Path) -> None:
    html = ReportProject(tmp_path, validating=False, rejected=0).make().read_text()
    titles = re.findall('<h2 id="[^"]+-title">([^<]*)', html)
    assert titles == [
        "From files to tiles",
        "The cut",
        "Gallery",
        "Leave out by hand",
        "Contact sheets",
        "Sources",
        "Parameters",
        "",  # of the open picture
    ]
    assert not (tmp_path / "reports" / "sheets" / "validation.png").exists()


def test_where_photographs_are_held_it_shows_how_other_cuts_train(tmp_path: Path) -> None:
    assert "How other cuts train" not in ReportProject(tmp_path / "a").make().read_text()
    curve = [ProbePoint(n, 48, 30.0, -1 / n, -2 / n, 0.0) for n in (10, 50)]
    page = ReportProject(tmp_path / "b", curve=curve).make()
    tiles, images = page.read_text().split('data-set="images"')
    assert "How other cuts train" in tiles and "48 filters" in tiles
    assert "How other cuts train" not in images
    assert (page.parent / "charts" / "probe.png").is_file()


def test_long_lists_of_rejects_are_cut_short(tmp_path: Path) -> None:
    html = ReportProject(tmp_path, rejected=report.LISTED + 7).make().read_text()
    rows = [row for row in Cells(html).rows if row[1:2] in (["too small"], ["not an image"])]
    assert len(rows) == report.LISTED
    assert html.count("… and 8 more in unreadable_images.csv and rejected.csv") == 1


def test_the_tables_of_other_cuts_are_those_of_the_summary(tmp_path: Path) -> None:
    html = ReportProject(tmp_path).make().read_text()
    lines = tables.read(tmp_path / "reports" / "what_if.csv", WhatIf)
    others = {
        "cut",
        "rule",
        "source",
        "mine & <yours>",
        *(line.limit for line in lines if line.by in (ONLY, WITHOUT)),
    }
    lines = [line for line in lines if line.by not in (ONLY, WITHOUT)]
    rows = [row for row in Cells(html).rows if len(row) > 4 and row[0] not in others]
    parts = [
        line
        for which in ("subimages", "images")
        for of_all in (True, False)
        for line in lines
        if line.which == which and (line.section == "all") == of_all
    ]
    shown = [
        row[1:5] if line.section == "all" else row[2:6]
        for row, line in zip(rows, parts, strict=True)
    ]
    assert shown == [
        [f"{it.images:,}", f"{it.mean:.6f}", f"{it.lowest:.6f}", f"{it.bytes / 1e9:.4f}"]
        for it in parts
    ]
    assert len(rows) == len(lines)


def test_what_each_rule_does_is_shown(tmp_path: Path) -> None:
    html = ReportProject(tmp_path).make().read_text()
    lines = {
        (line.which, line.by, line.limit): line
        for line in tables.read(tmp_path / "reports" / "what_if.csv", WhatIf)
        if line.section == "all"
    }
    names = {"bits below 0.1", "overlap above 0.5", "blocks above 0.9", "near-duplicate"}
    shown = {row[0]: row for row in Cells(html).rows if row and row[0] in names}
    assert shown.keys() == names
    for name, row in shown.items():
        which = "subimages" if name in ("bits below 0.1", "overlap above 0.5") else "images"
        alone = lines[which, ONLY, NO_RULE].images - lines[which, ONLY, name].images
        without, now = lines[which, WITHOUT, name], lines[which, "now", ""]
        mean = f"{without.mean:.6f} ({without.mean - now.mean:+.6f})"
        assert row[:4] == [name, str(alone), str(without.images), mean]
    assert (shown["bits below 0.1"][1], shown["near-duplicate"][1]) == ("2", "1")
    for title in ("bits: bits a pixel as JPEG; low where flat", "blocks: traces of JPEG"):
        assert title in html


def test_every_source_is_shown_with_what_is_kept_of_it(tmp_path: Path) -> None:
    html = ReportProject(tmp_path).make().read_text()
    (row,) = [row for row in Cells(html).rows if row[:1] == ["mine & <yours>"]]
    assert row[1:] == ["CC0-1.0", "yes", "14", "8", "30"]
