"""Report: it counts what is in the tables, shows every sheet, and needs no network."""

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import report
from stages.common import tables
from stages.common.pages import summary
from stages.common.pages.summary import (
    reasons,
    samples,
    shares,
    size_correlation,
    what_if,
    what_if_by_section,
)
from stages.common.pixels import png
from stages.common.pixels.images import read
from stages.common.tables import (
    Collected,
    Decision,
    Photograph,
    Rejected,
    Scaled,
    Tile,
    Validation,
)
from tests.common.pages.test_html import Cells
from tests.conftest import blobs, sha256_of_png

TILE = 48


def decision(rank: int, kept: bool = True, size: int = 10**6, path: str = "") -> Decision:
    reason = "" if kept else "below the best 3"
    return Decision(rank, path or f"s/{rank}.png", "s", "00", size, 1 / rank, kept, reason, "")


@given(st.integers(1, 300), st.integers(0, 300))
def test_samples_are_the_ends_and_the_cut(count: int, kept: int) -> None:
    rows = [decision(rank, kept=rank <= kept) for rank in range(1, count + 1)]
    ranks = {name: [row.rank for row in some] for name, some in samples(rows).items()}
    kept = min(kept, count)
    every = list(range(1, count + 1))
    expected = {
        "best": every[:18],
        "worst": every[max(0, count - 18) :],
        "last kept": every[max(0, kept - 18) : kept],
        "first dropped": every[kept : kept + 18],
    }
    assert ranks == {name: some for name, some in expected.items() if some}


def test_each_section_has_its_own_cut() -> None:
    rows = [
        decision(rank, kept=rank in (1, 2, 5), path=f"{'aabbb'[rank - 1]}/{rank}")
        for rank in range(1, 6)
    ]
    rows = [row._replace(section=row.path[0]) for row in rows]
    found = {name: [row.rank for row in some] for name, some in samples(rows).items()}
    assert found["last kept"] == [1, 2, 5]
    assert found["first dropped"] == [3, 4]
    table = what_if_by_section(rows)
    assert [line[0] for line in table] == ["all"] * 10 + ["a"] * 10 + ["b"] * 10
    assert [line[1:] for line in table[10:20]] == what_if(rows[:2])


@given(st.integers(1, 300))
def test_other_cutoffs_are_tenths_of_the_whole(count: int) -> None:
    rows = [decision(rank) for rank in range(1, count + 1)]
    table = what_if(rows)
    assert [row[0] for row in table] == [-(-count * tenth // 10) for tenth in range(1, 11)]
    for n, mean, lowest, megabytes in table:
        assert isinstance(n, int)
        assert lowest == 1 / n
        assert megabytes == n
        assert mean == pytest.approx(np.mean([1 / rank for rank in range(1, n + 1)]))


def test_scores_that_follow_the_size_are_told() -> None:
    sides, scores = [10, 20, 30, 40, 40], [0.9, 0.8, 0.7, 0.6, 0.5]
    photographs = [
        Photograph(f"{i}.png", ".", "00", side, side, 9, "", "", "") for i, side in enumerate(sides)
    ]
    rows = [decision(i + 1, path=f"{i}.png")._replace(hyperiqa=s) for i, s in enumerate(scores)]
    empty = {name: [] for name in summary.Tables._fields}
    t = summary.Tables(**(empty | {"screened": photographs, "cutoff_images": rows}))
    assert size_correlation(t) == pytest.approx(-0.9746794)  # scipy.stats.spearmanr
    assert size_correlation(t._replace(cutoff_images=rows[:2])) == 0
    assert size_correlation(t._replace(cutoff_images=rows[3:] * 2)) == 0


def test_shares_before_and_after() -> None:
    every, kept = ["a"] * 6 + ["b"] * 3 + ["c"], ["b"] * 3 + ["a"]
    assert shares(every, kept) == [
        ("a", 6, "60.0%", 1, "25.0%"),
        ("b", 3, "30.0%", 3, "75.0%"),
        ("c", 1, "10.0%", 0, "0.0%"),
    ]


def test_reasons_are_counted_the_most_frequent_first() -> None:
    rows = [Rejected("a", reason, "") for reason in ("too small", "truncated", "", "too small")]
    assert reasons(rows) == "2 too small, 1 truncated"
    assert reasons([]) == ""


class Links(HTMLParser):
    """Everything that a page would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for key, value in attrs if key in ("src", "href")]


def made(tmp_path: Path, *, title: str = "samples", chosen: int = 1, refused: int = 2) -> str:
    """Run the stage on 5 photographs, of which 3 are kept with 4 tiles each; gives the page."""
    folder = tmp_path / "tables"
    names = [f"faces/{name}.png" for name in ("a", "b & <c>", "d")] + ["places/e.png", "f.png"]
    for i, name in enumerate(names):
        png.write(tmp_path / "source" / name, blobs(TILE * 2, TILE * 2, i))
    sections = [tables.section_of(name) for name in names]
    digests = [sha256_of_png(blobs(TILE * 2, TILE * 2, i)) for i in range(5)]
    sides = (TILE * 2, TILE * 2)

    def why(i: int) -> str:
        return "" if i < 3 else "below the best 3"

    def put(table: str, row_type: type, rows: list) -> None:
        tables.write(folder / f"{table}.csv", row_type, rows)

    photographs = [
        Photograph(n, s, d, *sides, 9, "PNG RGB", d, d)
        for n, s, d in zip(names, sections, digests, strict=True)
    ]
    small = [Rejected("small.png", "too small", "")] if refused else []
    facts = photographs[0]._replace(path="small.png")
    put("gathered_images", Photograph, [*photographs, *[facts for _ in small]])
    put("screened", Photograph, photographs)
    put("rejected", Rejected, small)
    not_utf_8 = b"caf\xe9".decode(errors="surrogateescape")
    put(
        "unreadable_images",
        Rejected,
        [Rejected(f"{i} {not_utf_8}.txt", "not an image", "") for i in range(refused)],
    )
    put(
        "cutoff_images",
        Decision,
        [
            Decision(
                i + 1, n, s, d, 9, 0.9 - i / 10, i < 3, "" if i < 3 else "below the best 3", ""
            )
            for i, (n, s, d) in enumerate(zip(names, sections, digests, strict=True))
        ],
    )
    hr = [Collected(f"h{i}.png", sections[i], "00", *sides, names[i], digests[i]) for i in range(3)]
    put("collected", Collected, hr)
    put(
        "multiscale",
        Scaled,
        [
            Scaled(f"h{i}T0.png", sections[i], "00", "1", *sides, names[i], digests[i])
            for i in range(3)
        ],
    )
    put("multiscale_rejected", Rejected, [Rejected("h0T1.png", "would enlarge", "")])
    tiles = []
    for i in range(3):
        for k in range(4):
            path = f"h{i}T0_s{k}.png"
            content = png.write(tmp_path / "tiles" / path, blobs(TILE, TILE, 10 * i + k))
            tiles.append(
                Tile(
                    path,
                    sections[i],
                    hashlib.sha256(content).hexdigest(),
                    "",
                    len(content),
                    f"h{i}T0.png",
                    "1" if k else "0.5",
                    0,
                    0,
                    TILE,
                    TILE,
                    names[i],
                    digests[i],
                )
            )
    put("subimages", Tile, tiles)
    put("subimages_rejected", Rejected, [])
    put(
        "cutoff_subimages",
        Decision,
        [
            Decision(
                i + 1,
                t.path,
                t.section,
                t.sha256,
                10**6,
                0.75 - i / 100,
                i < 6,
                "" if i < 6 else "below the best 6",
                "",
            )
            for i, t in enumerate(tiles)
        ],
    )
    for i in range(chosen):
        png.write(tmp_path / "validation" / "hr" / f"v{i}.png", blobs(40, 50, 70 + i))
    put(
        "validation",
        Validation,
        [
            Validation(
                f"{scale}/v{i}.png",
                "places",
                sha256_of_png(blobs(40, 50, 70 + i)),
                scale,
                50,
                40,
                0.6,
                "places/e.png",
                digests[3],
            )
            for i in range(chosen)
            for scale in ("hr", "x2")
        ],
    )
    report.main(
        title,
        folder,
        tmp_path / "source",
        tmp_path / "tiles",
        tmp_path / "validation",
        tmp_path / "reports" / "report.html",
        tmp_path / "reports" / "sheets",
    )
    return (tmp_path / "reports" / "report.html").read_text()


def test_the_page_counts_the_way(tmp_path: Path) -> None:
    html = made(tmp_path)
    rows = Cells(html).rows
    start = rows.index(["stage", "in", "out", "left out"])
    assert rows[start + 1 : start + 8] == [
        ["gather", "8", "6", "2 not an image"],
        ["screen", "6", "5", "1 too small"],
        ["cutoff of images", "5", "3", "2 below the best 3"],
        ["validation", "2", "1", ""],
        ["multiscale", "3", "3", "1 would enlarge"],
        ["subimages", "3", "12", ""],
        ["cutoff of subimages", "12", "6", "6 below the best 6"],
    ]
    assert ["faces", "12", "100.0%", "6", "100.0%"] in rows
    assert ["1", "9", "75.0%", "4", "66.7%"] in rows
    assert ["0.5", "3", "25.0%", "2", "33.3%"] in rows
    text = re.sub(r"<[^>]+>", "", html)
    line = "6 tiles of 2 photographs · HyperIQA 0.7250 on average, 0.7000 at least · 6.0 MB"
    assert text.count(line) == 1


def test_the_page_shows_every_sheet_and_loads_nothing_else(tmp_path: Path) -> None:
    html = made(tmp_path)
    sheets = sorted(path.name for path in (tmp_path / "reports" / "sheets").iterdir())
    parts = ("best", "first_dropped", "last_kept", "worst")
    named = [f"{which}_{part}.png" for which in ("images", "subimages") for part in parts]
    assert sheets == sorted([*named, "validation.png"])
    assert sorted(Links(html).found) == [f"sheets/{name}" for name in sheets]
    for name in sheets:
        assert read(tmp_path / "reports" / "sheets" / name).ndim == 3
    assert re.findall(r"https?:", html) == []


def test_the_page_is_a_whole_document_that_loads_nothing(tmp_path: Path) -> None:
    html = made(tmp_path, title="Faces & <places>")
    assert html.startswith("<!doctype html>\n")
    assert html.endswith("</html>\n")
    assert "<title>Dataset Faces &amp; &lt;places&gt;</title>" in html
    assert re.findall(r"https?:|<script|@import|<link", html) == []


def test_names_of_people_are_text_and_no_markup(tmp_path: Path) -> None:
    rows = Cells(made(tmp_path)).rows
    assert ["0 caf\\udce9.txt", "not an image", ""] in rows
    assert ["hr/v0.png", "places/e.png"] in rows


def test_a_set_without_validation_and_rejects_has_no_such_parts(tmp_path: Path) -> None:
    html = made(tmp_path, chosen=0, refused=0)
    assert re.findall("<h2>([^<:]*)", html) == [
        "The way",
        "Cutoff of images",
        "Cutoff of subimages",
    ]
    assert not (tmp_path / "reports" / "sheets" / "validation.png").exists()


def test_long_lists_of_rejects_are_cut_short(tmp_path: Path) -> None:
    html = made(tmp_path, refused=report.LISTED + 7)
    assert html.count("not an image</td>") == report.LISTED + 1  # one is the count of them
    assert html.count("… and 8 more in unreadable_images.csv and rejected.csv") == 1
