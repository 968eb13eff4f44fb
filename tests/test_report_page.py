"""The report in a real browser: drag, filter, open, mark and copy, and what axe-core says of it."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

from stages.common import figures, tables
from stages.common.columns import Columns
from stages.common.cutoff_params import Limit, Shares, SourceCutoff, TilesCutoff
from stages.common.cutoffs import decide
from stages.common.pages import gallery
from stages.common.rows import ProbePoint
from stages.common.what_if import ONLY, WITHOUT, WhatIf, by_count, by_score
from tests.browser import PHONE, Open, barriers, copied
from tests.report_project import BYTES, RULES, ReportProject

PER_SECTION: dict[str, Any] = {
    "faces": {"count": 9},
    "places": {"min_score": 0.5},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ReportProject:
    """A set whose report is opened by every test; read only."""
    curve = [ProbePoint(n, 48, 30.0, -1 / n, -2 / n, 0.0) for n in (10, 50)]
    made = ReportProject(tmp_path_factory.mktemp("a set") / BYTES, curve=curve)
    made.make()
    return made


@pytest.fixture
def page(project: ReportProject, open_page: Open) -> Page:
    return open_page(project.page)


def shown(page: Page, which: str = "subimages") -> dict[str, str]:
    """The figures of a cut, as the page shows them."""
    found: dict[str, str] = page.evaluate(
        """which => Object.fromEntries([...document.querySelectorAll(
            `.cut[data-set=${which}] [data-figure]`)].map(
            (it) => [it.dataset.figure, it.firstElementChild.textContent]))""",
        which,
    )
    return found


def expected(line: figures.Figures | WhatIf) -> dict[str, str]:
    """The figures as the page must show them."""
    return {
        "images": f"{line.images:,}",
        "mean": f"{line.mean:.6f}",
        "lowest": f"{line.lowest:.6f}",
        "GB": f"{line.bytes / 1e9:.4f}",
        "photographs": f"{line.photographs:,}",
        "largest": f"{line.largest_photograph:.1%}",
    }


def what_ifs(project: ReportProject, which: str) -> list[WhatIf]:
    lines = tables.read(project.folder / "reports" / "what_if.csv", WhatIf)
    return [
        line
        for line in lines
        if (line.which, line.section) == (which, "all") and line.by not in (ONLY, WITHOUT)
    ]


def handle(page: Page, kind: str) -> Any:
    return page.locator(f".cut[data-set=subimages] .{kind} [role=slider]")


def drag(page: Page, kind: str, share: float) -> None:
    """Drag the cut to a place on its axis, 0..1, by mouse."""
    axes = page.locator(f".cut[data-set=subimages] .{kind} .axes")
    axes.scroll_into_view_if_needed()
    box, grip = axes.bounding_box(), handle(page, kind).bounding_box()
    assert box
    assert grip
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 5, steps=5)
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + 5, steps=5)
    page.mouse.up()


def found(page: Page) -> int:
    """How many pictures the gallery shows."""
    match = re.match(r"([\d,]+) of ", page.locator(".found").inner_text())
    assert match
    return int(match[1].replace(",", ""))


def test_it_opens_with_the_figures_of_the_set(project: ReportProject, page: Page) -> None:
    (now,) = [line for line in what_ifs(project, "subimages") if line.by == "now"]
    assert shown(page) == expected(now)


def test_every_line_of_the_what_if_table_gives_its_figures(
    project: ReportProject, page: Page
) -> None:
    for which in ("subimages", "images"):
        page.locator(f".cuts .tabs [data-cut={which}]").click()
        block = page.locator(f".cut[data-set={which}]")
        block.get_by_text("Other cuts in numbers").click()
        lines = what_ifs(project, which)
        buttons = block.locator("[data-limit]").all()
        assert len(buttons) == len(lines) > 15
        for button, line in zip(buttons, lines, strict=True):
            button.evaluate("it => it.click()")
            wanted = expected(line)
            if which == "images":  # each is a photograph
                wanted = {k: v for k, v in wanted.items() if k not in ("photographs", "largest")}
            assert shown(page, which) == wanted, line


def test_a_drag_by_count_gives_its_figures_and_the_lines_to_copy(
    project: ReportProject, page: Page
) -> None:
    drag(page, "count", 0.25)
    count = int(handle(page, "count").get_attribute("aria-valuenow"))
    assert 14 <= count <= 18  # of 64
    c = columns(project)
    rule = by_count(project.limits.subimages, count)
    assert shown(page) == expected(figures.of(c, decide(c, rule).kept))
    block = page.locator(".cut[data-set=subimages]")
    for place, text in (
        (0, f"cutoff:\n  subimages:\n    count: {count}\n    min_score: null"),
        (1, f"make compare COUNTS={count}"),
        (2, f"dvc exp run -S cutoff.subimages.count={count} summary"),
    ):
        block.locator("[data-copy]").nth(place).click()
        assert copied(page) == text
    block.get_by_text("Back to the set as it is").click()
    assert shown(page)["images"] == "30"


def test_a_drag_by_score_takes_the_place_of_the_count(project: ReportProject, page: Page) -> None:
    drag(page, "score", 0.5)
    score = float(handle(page, "score").get_attribute("aria-valuenow"))
    c = columns(project)
    rule = by_score(project.limits.subimages, score)
    assert shown(page) == expected(figures.of(c, decide(c, rule).kept))
    block = page.locator(".cut[data-set=subimages]")
    lines = block.locator(".yaml").inner_text()
    assert lines == f"cutoff:\n  subimages:\n    count: null\n    min_score: {score:g}"
    assert block.locator(".compare").inner_text() == f"make compare MIN_SCORES={score:g}"
    assert block.locator(".experiment").inner_text() == (
        "dvc exp run -S cutoff.subimages.count=null "
        f"-S cutoff.subimages.min_score={score:g} summary"
    )


def test_a_cut_by_score_leaves_the_shares_of_scales_away_which_are_of_a_count(
    tmp_path: Path, open_page: Open
) -> None:
    rules = RULES | {"subimages": RULES["subimages"] | {"scales": {"shares": {"1": 0.6}}}}
    project = ReportProject(tmp_path, rules=rules)
    page = open_page(project.make())
    drag(page, "score", 0.5)
    score = float(handle(page, "score").get_attribute("aria-valuenow"))
    block = page.locator(".cut[data-set=subimages]")
    lines = block.locator(".yaml").inner_text()
    asked = yaml.safe_load(lines)["cutoff"]["subimages"]
    assert asked == {"count": None, "min_score": score, "scales": None}
    cutoff = TilesCutoff.model_validate(rules["subimages"] | asked)
    c = columns(project)
    assert shown(page) == expected(figures.of(c, decide(c, cutoff).kept))
    setting = " ".join(
        f"cutoff.subimages.{k}={'null' if v is None else v}" for k, v in asked.items()
    )
    assert block.locator(".compare").inner_text() == f'make compare SET="{setting}"'


def columns(project: ReportProject) -> Columns:
    return project.columns("subimages")


def test_keys_move_the_cut_and_the_pictures_beside_it_follow(
    project: ReportProject, page: Page
) -> None:
    slider = handle(page, "count")
    slider.focus()
    for key, count in (("ArrowRight", 31), ("ArrowLeft", 30), ("Home", 1), ("End", 62)):
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuenow") == str(count)
        assert shown(page)["images"] == str(count)
    page.keyboard.press("PageDown")
    assert slider.get_attribute("aria-valuenow") == "52"
    assert slider.get_attribute("aria-valuetext") == "the best 52 of 62"
    flat = "bits below 0.1"  # such tiles are dropped whatever the cut
    rows = [row for row in project.decisions["subimages"] if row.reason != flat]
    page.wait_for_timeout(300)  # they follow a moment later
    names = [
        [button.get_attribute("title") for button in page.locator(f".cut >> .{side} button").all()]
        for side in ("last-kept", "first-dropped")
    ]
    assert names[0][:12] == [row.path for row in rows[40:52]]
    assert names[1][:10] == [row.path for row in rows[52:]]
    score = handle(page, "score")
    score.focus()
    page.keyboard.press("Home")
    low = float(score.get_attribute("aria-valuemin"))
    assert 0 <= float(score.get_attribute("aria-valuenow")) - low < 0.001


def test_a_finger_drags_the_cut(project: ReportProject, open_page: Open) -> None:
    page = open_page(project.page, viewport=PHONE, has_touch=True, is_mobile=True)
    axes = page.locator(".cut[data-set=subimages] .count .axes")
    axes.scroll_into_view_if_needed()
    box = axes.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 20)
    assert 31 <= int(handle(page, "count").get_attribute("aria-valuenow")) <= 33
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("seed", range(3))
def test_any_cut_of_sections_with_rules_of_their_own_is_the_decision(
    tmp_path: Path, open_page: Open, seed: int
) -> None:
    """The page decides and counts as stages/common/cutoffs.py and figures.py do."""
    floor = [None, 0.45, 0.4000001][seed]
    rules = RULES | {
        "subimages": RULES["subimages"]
        | {
            "count": 12,
            "min_score": floor,
            "report_at": None,
            "per_section": PER_SECTION | {"faces": [{"count": 9}, {"count": 0}, {}][seed]},
        }
    }
    project = ReportProject(tmp_path, rules=rules, seed=seed)
    page = open_page(project.make())
    c, own = columns(project), project.limits.subimages
    rest = sum(row.section not in rules["subimages"]["per_section"] for row in c_rows(project))
    tried = [own]
    tried += [by_count(own, count) for count in range(1, max(2, rest), 2)]
    tried += [by_score(own, step / 100) for step in range(30, 80, 3)]
    tried += [by_score(own, round(float(score), 6)) for score in c.hyperiqa[::7]]
    for step in range(0, 30, 4):
        bits = {"bits": Limit(min=step / 10, max=None if step % 8 else 2.5)}
        varied = {"limits": bits, "count": 20 - step // 2, "per_photograph": 1 + step // 8}
        if step % 8:
            shares = dict.fromkeys(sorted(c.scales), 0.45)
            varied["scales"] = Shares(shares=shares)
        if step % 3:
            rule = SourceCutoff(count=step // 3, min_score=None if step % 8 else 0.45)
            varied["per_source"] = {c.sources[step % 2]: rule}
        tried.append(own.model_copy(update=varied))
    for cutoff in tried:
        mask = decide(c, cutoff).kept
        got = page.evaluate(
            """([count, minScore, limits, perPhotograph, shares, perSource]) => {
                const rules = { count, minScore, limits, perPhotograph, shares, perSource };
                const kept = decide(tiles, { ...cuts.subimages.asRun, ...rules });
                return [Array.from(kept), figures(tiles, kept)];
            }""",
            [
                cutoff.count,
                cutoff.min_score,
                {k: v.model_dump(exclude_none=True) for k, v in cutoff.limits.items()},
                cutoff.per_photograph,
                [[i, cutoff.scales.shares[s]] for i, s in enumerate(c.scales)]
                if cutoff.scales
                else [],
                gallery.limits(cutoff, cutoff, c.sections, c.scales, c.sources)["perSource"],
            ],
        )
        assert got[0] == mask.astype(int).tolist()
        if not mask.any():
            assert got[1] is None
            continue
        kept = figures.of(c, mask)
        assert got[1] == {
            "images": kept.images,
            "mean": kept.mean,
            "lowest": kept.lowest,
            "bytes": kept.bytes,
            "photographs": kept.photographs,
            "largest": kept.largest_photograph,
            "sections": [kept.sections.get(name, 0) for name in c.sections],
            "scales": [kept.scales.get(name, 0) for name in c.scales],
        }


def c_rows(project: ReportProject) -> list[Any]:
    return project.decisions["subimages"]


def test_a_limit_is_dragged_on_its_measure(project: ReportProject, page: Page) -> None:
    block = page.locator(".cut[data-set=subimages]")
    block.get_by_text("Limits of measures").click()
    chart = block.locator(".limit[data-measure=bits]")
    slider, axes = chart.locator("[role=slider]"), chart.locator(".axes")
    assert slider.get_attribute("aria-valuetext") == "at least 0.1"
    axes.scroll_into_view_if_needed()
    box = axes.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + 10)
    limit = float(slider.get_attribute("aria-valuenow") or 0)
    assert 1.6 < limit < 2.0
    own = project.limits.subimages
    cutoff = own.model_copy(update={"limits": {"bits": Limit(min=limit)}})
    c = columns(project)
    assert shown(page) == expected(figures.of(c, decide(c, cutoff).kept))
    inside = f"{{bits: {{min: {limit:g}}}}}"
    yaml = f"cutoff:\n  subimages:\n    count: 30\n    min_score: null\n    limits: {inside}"
    assert block.locator(".yaml").inner_text() == yaml
    setting = f"cutoff.subimages.count=30 'cutoff.subimages.limits={inside}'"
    assert block.locator(".compare").inner_text() == f'make compare SET="{setting}"'
    page.wait_for_timeout(300)
    bits = dict(zip((r.path for r in c_rows(project)), c.measures["bits"], strict=True))
    for side, is_inside in (("last-kept", True), ("first-dropped", False)):
        names = [b.get_attribute("title") for b in block.locator(f".{side} button").all()]
        assert names
        assert all((bits[name] >= limit) == is_inside for name in names)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert float(slider.get_attribute("aria-valuenow") or 0) > limit
    block.get_by_text("Back to the set as it is").click()
    assert slider.get_attribute("aria-valuetext") == "at least 0.1"


def test_the_gallery_is_ordered_by_a_measure(project: ReportProject, page: Page) -> None:
    page.locator("#gallery [name=order]").select_option("least bits first")
    first = page.locator("#gallery [role=option]").first.get_attribute("title")
    paths = (row.path for row in c_rows(project))
    bits = dict(zip(paths, columns(project).measures["bits"], strict=True))
    assert first.splitlines()[0] == min(sorted(bits), key=lambda path: bits[path])


@pytest.mark.parametrize("value", [1 / 128, 3 / 128, 0.5, 0.1234565, 0.7, 1.0, 0.0, 2 / 3])
def test_numbers_are_rounded_as_python_rounds(page: Page, value: float) -> None:
    for digits in (1, 4, 6):
        assert page.evaluate("([x, n]) => fixed(x, n)", [value, digits]) == f"{value:.{digits}f}"


def test_every_number_of_the_flow_leads_to_so_many_pictures(page: Page) -> None:
    links = page.locator("a.number[data-status]").all()
    assert len(links) == 12
    for link in links:
        number, what = link.inner_text().split(" ", 1)
        link.click()
        if what == "images at all scales":
            assert found(page) == 8  # the photographs that they are of
        else:
            assert found(page) == int(number), what
        expect(page.locator("#gallery [role=listbox]")).to_be_focused()


def test_the_gallery_filters_and_searches(project: ReportProject, page: Page) -> None:
    rows = project.decisions["subimages"]
    tiles = {tile.path: tile for tile in project.tiles}
    form = page.locator("#gallery form")

    def asked(**fields: str) -> int:
        form.get_by_role("button", name="Clear").click()
        page.wait_for_timeout(50)
        for name, value in fields.items():
            field = form.locator(f"[name={name}]")
            if field.evaluate("it => it.tagName") == "SELECT":
                field.select_option(label=value)
            else:
                field.fill(value)
        return found(page)

    assert asked() == 64
    assert asked(section="faces") == sum(row.section == "faces" for row in rows)
    assert asked(scale="0.75") == sum(tiles[row.path].scale == "0.75" for row in rows) == 32
    assert asked(status="kept (30)") == 30
    assert asked(status="kept (30)", section="places", scale="1") == sum(
        row.kept and row.section == "places" and tiles[row.path].scale == "1" for row in rows
    )
    assert asked(search="T1_s00 FACES") == sum(
        "T1_s00" in row.path and row.section == "faces" for row in rows
    )
    assert asked(photograph="faces/山 🏔.jpg") == sum(
        tile.photograph == "faces/山 🏔.jpg" for tile in project.tiles
    )
    drag(page, "count", 0.75)
    kept = int(handle(page, "count").get_attribute("aria-valuenow"))
    assert asked(status="would come in with the dragged cut") == kept - 30


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("best", lambda row: row.rank),
        ("worst", lambda row: -row.rank),
        ("heavy", lambda row: (-row.bytes, row.rank)),
        ("sparse", lambda row: (row.bytes, row.rank)),  # tiles are of one size
        ("name", lambda row: row.path.lower()),
    ],
)
def test_the_gallery_sorts(project: ReportProject, page: Page, order: str, key: Any) -> None:
    page.locator("#gallery [name=order]").select_option(order)
    names = page.evaluate("[...gallery.shown].map((i) => tiles.path(i))")
    assert names == [row.path for row in sorted(project.decisions["subimages"], key=key)]
    first = page.locator("#gallery [role=option]").first
    assert (first.get_attribute("title") or "").startswith(names[0])


def test_the_gallery_is_walked_by_keys_and_opens_a_tile(project: ReportProject, page: Page) -> None:
    rows = project.decisions["subimages"]
    page.locator("#gallery [role=listbox]").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    dialog = page.get_by_role("dialog")
    row = rows[1]
    (tile,) = [tile for tile in project.tiles if tile.path == row.path]
    expect(dialog.get_by_role("heading", level=2)).to_have_text(row.path)
    facts = dialog.locator(".facts").inner_text()
    for text in (f"{row.hyperiqa:.6f}, rank 2 of 64", row.sha256, f"48 × 48 px at {tile.left}, "):
        assert text in facts
    full = dialog.locator(".full img")
    assert full.evaluate("async it => { await it.decode(); return it.naturalWidth }") == 48
    parent = dialog.locator(".parent img")
    side = 96 if tile.scale == "1" else 72
    assert parent.evaluate("async it => { await it.decode(); return it.naturalWidth }") == side
    box, whole = dialog.locator(".box").bounding_box(), parent.bounding_box()
    assert box
    assert whole
    assert (box["x"] - whole["x"]) / whole["width"] == pytest.approx(tile.left / side, abs=0.01)
    assert box["height"] / whole["height"] == pytest.approx(48 / side, abs=0.01)
    assert dialog.locator(".lineage button.picture").count() == 7  # the other tiles
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(rows[2].path)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_every_photograph_has_its_picture_and_its_reason(
    project: ReportProject, page: Page
) -> None:
    page.locator("#gallery [data-tab=images]").click()
    assert found(page) == 14
    for i in range(14):
        page.evaluate("i => detail.open(photographs, i)", i)
        image = page.locator("dialog .full img, dialog .full .thumb").first
        assert image.evaluate("async (it) => { await it.decode?.(); return it.clientWidth }") > 90
    page.evaluate("i => detail.open(photographs, i)", 13)
    assert "too small: 9 px" in page.locator(".facts").inner_text()
    url = page.evaluate("photographs.file(photographs.paths.findIndex((p) => p.includes('100%')))")
    assert url == "../data/source/faces/caf%E9%20%231%20100%25%3F.jpg"


def test_images_are_marked_and_their_lines_are_copied(project: ReportProject, page: Page) -> None:
    rows = project.decisions["subimages"]
    page.locator("#gallery [role=listbox]").focus()
    page.keyboard.press("x")
    page.locator("#gallery [data-tab=images]").click()
    place = page.evaluate("photographs.paths.findIndex((p) => p.includes('b, c'))")
    odd = page.evaluate("photographs.paths.findIndex((p) => p.includes('100%'))")
    for i in (place, odd):
        page.evaluate("i => detail.open(photographs, i)", i)
        page.get_by_role("dialog").get_by_role("button", name="Leave it out").click()
    page.keyboard.press("Escape")
    assert page.locator("#marked-count").inner_text() == "3"
    page.get_by_label("Why places/b, c.jpg is left out").fill('blurred, "soft"')
    page.get_by_role("button", name="Copy the lines").click()
    by_path = {row.path: row for row in project.decisions["images"]}
    (not_utf_8,) = [row for path, row in by_path.items() if "100%" in path]
    assert sorted(csv.reader(io.StringIO(copied(page)))) == sorted(
        [
            ["image", "reason"],
            [rows[0].path, "by hand"],
            ["places/b, c.jpg", 'blurred, "soft"'],
            [not_utf_8.sha256, "by hand"],
        ]
    )
    page.reload()  # what is marked stays so
    assert page.locator("#marked-count").inner_text() == "3"
    page.get_by_role("button", name="Unmark all").click()
    assert page.locator("#marked-count").inner_text() == ""


@pytest.fixture(params=["light", "dark", "phone"])
def looks(
    request: pytest.FixtureRequest, project: ReportProject, open_page: Open
) -> Iterator[Page]:
    options: dict[str, Any] = {
        "light": {},
        "dark": {"color_scheme": "dark"},
        "phone": {"viewport": PHONE},
    }[request.param]
    yield open_page(project.page, **options)


def test_nothing_keeps_people_out(looks: Page) -> None:
    looks.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true })")
    looks.evaluate("leaveOut.toggle(tiles, 0)")
    assert barriers(looks) == []
    looks.locator(".cuts .tabs [data-cut=images]").click()
    looks.locator("#gallery [data-tab=images]").click()
    looks.evaluate("detail.open(tiles, 0)")
    assert barriers(looks) == []
    looks.evaluate("leaveOut.toggle(tiles, 0)")
