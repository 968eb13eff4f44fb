"""Pick: the page shows what can be picked, and what it gives to copy picks it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from stages import pick
from stages.common import tables
from stages.common.candidates import ValidationParams
from stages.common.errors import UserError
from stages.common.files import changed
from stages.common.pixels.images import decode, read, resize
from stages.common.pixels.likeness import dhash
from stages.common.rows import Decision, Embedded, Photograph, Rejected, Validation, section_of
from tests.browser import PHONE, Open, barriers, copied
from tests.conftest import SAMPLES, blobs, encoded, noise, save_small, unembedded
from tests.project import Project, copy_code
from tests.strategies import with_changes

PARAMS = ValidationParams(candidates=100, count=1, picks=[], scales=[2, 4])
ODD = 'it\'s a "b", [c] <i>${x} & ü 山.png'
NOT_UTF_8 = b"caf\xe9.png".decode(errors="surrogateescape")
UNWRITABLE = "next\x85line.png"
SIZES = {  # of photographs by rank; the first is trained on, the third is nearly the same
    "a/trained.png": (80, 120),
    f"b/{ODD}": (90, 60),
    "a/near.png": (40, 60),
    f"b/{NOT_UTF_8}": (60, 91),
    "a/plain.png": (64, 64),
    "a/tiny.png": (3, 50),
    f"b/{UNWRITABLE}": (50, 50),
}


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """The stage's inputs."""
    listed, decisions = [], []
    for rank, (name, (height, width)) in enumerate(SIZES.items(), start=1):
        pixels = blobs(height, width, 1 if name in ("a/trained.png", "a/near.png") else rank)
        content = encoded(pixels, "PNG")
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
        sha256, section = hashlib.sha256(content).hexdigest(), section_of(name)
        listed.append(
            Photograph(
                name, section, sha256, width, height, len(content), "", "", dhash(decode(content))
            )
        )
        decisions.append(
            Decision(rank, name, section, sha256, 1, 1 - rank / 100, rank == 1, "", "")
        )
    tables.write(tmp_path / "screened.csv", Photograph, listed)
    tables.write(tmp_path / "embeddings.csv", Embedded, unembedded(listed))
    tables.write(tmp_path / "decisions.csv", Decision, decisions)
    tables.write(tmp_path / "unreadable.csv", Rejected, [])
    tables.write(tmp_path / "rejected.csv", Rejected, [Rejected("c.png", "too small", "9x9 px")])
    return tmp_path


def made(folder: Path, params: ValidationParams = PARAMS, out: str = "reports") -> Path:
    """Run the stage; gives the page."""
    names = (
        "in",
        "screened.csv",
        "embeddings.csv",
        "unreadable.csv",
        "rejected.csv",
        "decisions.csv",
    )
    page, pictures = folder / out / "pick.html", folder / out / "pick"
    pick.main(*(folder / name for name in names), page, pictures, params)
    return page


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_input_gives_the_same_bytes_with_any_number_of_workers(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(photographs, out="first")
    monkeypatch.setenv("SRSET_WORKERS", "2")
    second = made(photographs, out="second")
    assert files(first.parent) == files(second.parent)


def test_a_photograph_is_shown_whole_and_a_part_of_it_to_the_pixel(tmp_path: Path) -> None:
    photograph = noise(1000, 2050, 4)
    photograph[:, :1000] //= 16
    content = encoded(photograph, "PNG")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "large one.png").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    row = Decision(1, "a/large one.png", "a", sha256, 1, 0.5, False, "", "")
    shown = pick.write(row, source=tmp_path, folder=tmp_path / "out", scales=[2, 3])
    name = f"large-one-{sha256[:8]}"
    assert shown == pick.Pictures(
        pick.Picture(f"{name}.jpg", 1024, 500),
        {
            "hr": pick.Picture(f"{name}-hr.png", 384, 384),
            "x2": pick.Picture(f"{name}-x2.png", 192, 192),
            "x3": pick.Picture(f"{name}-x3.png", 128, 128),
        },
    )
    parts = {size: read(tmp_path / "out" / it.file) for size, it in shown.details.items()}
    places = np.argwhere((photograph == parts["hr"][0, 0]).all(axis=2))
    assert any(np.array_equal(parts["hr"], photograph[y : y + 384, x : x + 384]) for y, x in places)
    for scale in (2, 3):
        small = resize(parts["hr"], 384 // scale, 384 // scale, Image.Resampling.BOX)
        assert np.array_equal(parts[f"x{scale}"], small)
    with Image.open(tmp_path / "out" / shown.whole.file) as image:
        assert (image.format, image.size) == ("JPEG", (1024, 500))


def test_no_more_are_shown_than_there_are_candidates_unless_more_are_picked() -> None:
    rows = [
        Decision(rank, f"{rank}.jpg", ".", "00", 1, 0.5, rank < 3, "", "") for rank in range(1, 9)
    ]

    def ranks(**changes: object) -> list[int]:
        return [row.rank for row in pick.shown(rows, with_changes(PARAMS, **changes))]

    assert ranks() == [3, 4, 5, 6, 7, 8]
    assert ranks(candidates=2) == [3, 4]
    assert ranks(candidates=2, picks=["8.jpg"]) == [3, 8]
    assert ranks(candidates=2, picks=["8.jpg", "6.jpg", "7.jpg", "no.jpg"]) == [6, 7, 8]


def test_a_photograph_that_changed_since_is_told(photographs: Path) -> None:
    Image.new("RGB", (64, 64)).save(photographs / "in" / "a" / "plain.png")
    with pytest.raises(UserError) as raised:
        made(photographs)
    assert str(raised.value) == changed([photographs / "in" / "a" / "plain.png"])


def test_a_page_without_candidates_says_so(photographs: Path) -> None:
    rows = tables.read(photographs / "decisions.csv", Decision)
    kept = [row._replace(kept=True) for row in rows]
    tables.write(photographs / "decisions.csv", Decision, kept)
    page = made(photographs, with_changes(PARAMS, count=0))
    assert "There is none: all photographs that may be used are trained on." in page.read_text()


def card(page: Page, name: str) -> Locator:
    return page.locator(".card", has=page.get_by_text(name, exact=True))


def picked(page: Page) -> list[str]:
    """The picks in the lines for params.yaml."""
    lines = page.locator("#lines").text_content()
    assert lines is not None
    names: list[str] = yaml.safe_load(lines)["validation"]["picks"]
    return names


def by_command(command: str, folder: Path) -> list[str]:
    """The picks that bash and DVC read from the page's command."""
    (folder / "bin").mkdir(exist_ok=True)
    script = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"
    (folder / "bin" / "dvc").write_text(script)
    (folder / "bin" / "dvc").chmod(0o755)
    bash = ["bash", "-c", f'PATH="{folder}/bin:$PATH"\n{command}']
    done = subprocess.run(bash, capture_output=True, text=True, check=True)
    *options, override = json.loads(done.stdout)
    assert options == ["exp", "run", "-S"]
    (folder / "p.yaml").write_text("validation:\n  picks: []\n  count: 1\n")
    apply_overrides(folder / "p.yaml", [override])
    names: list[str] = yaml.safe_load((folder / "p.yaml").read_text())["validation"]["picks"]
    return names


def test_click_space_and_enter_pick_and_what_is_copied_names_the_picks(
    photographs: Path, open_page: Open
) -> None:
    page = open_page(made(photographs))
    expect(page.locator("#none")).to_have_text("With none picked, the pipeline chooses 1 itself.")
    assert picked(page) == []
    card(page, ODD).click()
    card(page, "plain.png").focus()
    page.keyboard.press("Space")
    card(page, "caf\\udce9.png").focus()
    page.keyboard.press("Enter")
    names = ["a/plain.png", f"b/{ODD}", f"b/{NOT_UTF_8}"]
    assert picked(page) == names
    expect(page.locator("#count")).to_have_text("3 picked")
    page.get_by_role("button", name="Copy the command").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert by_command(copied(page), photographs) == names
    page.get_by_role("button", name="Copy", exact=True).click()
    assert copied(page) == page.locator("#lines").text_content()

    page.reload()  # the address keeps them
    assert picked(page) == names
    card(page, ODD).click()
    assert picked(page) == ["a/plain.png", f"b/{NOT_UTF_8}"]
    page.get_by_role("button", name="Pick none").click()
    assert picked(page) == []
    assert by_command(page.locator("#command").text_content() or "", photographs) == []


def test_what_can_not_be_picked_says_why(photographs: Path, open_page: Open) -> None:
    page = open_page(made(photographs))
    for name, reason in (
        ("near.png", "nearly the same picture as a/trained.png, which is trained on"),
        ("tiny.png", "smaller than 4 px, which the scales need"),
    ):
        expect(card(page, name)).to_contain_text(f"Can't be picked: {reason}")
        card(page, name).click(force=True)  # as a person would
        card(page, name).press("Space")
    assert picked(page) == []
    assert page.locator(".card").count() == len(SIZES) - 1
    assert page.get_by_text("trained.png", exact=True).count() == 0


def test_what_is_chosen_now_is_marked_and_can_be_started_from(
    photographs: Path, open_page: Open
) -> None:
    page = open_page(made(photographs))
    expect(page.locator(".card", has_text="validates now")).to_have_count(1)
    expect(card(page, ODD)).to_contain_text("validates now")  # the best that is unlike
    page.get_by_role("button", name="Pick what validates now").click()
    assert picked(page) == [f"b/{ODD}"]


def test_what_params_yaml_picks_is_picked(photographs: Path, open_page: Open) -> None:
    page = open_page(made(photographs, with_changes(PARAMS, picks=["a/plain.png"])))
    assert picked(page) == ["a/plain.png"]
    expect(card(page, "plain.png")).to_contain_text("validates now")


def test_picks_that_can_not_be_taken_are_told_and_the_others_kept(
    photographs: Path, open_page: Open
) -> None:
    picks = ["a/plain.png", "a/near.png", "c.png", "a/plian.png"]
    page = open_page(made(photographs, with_changes(PARAMS, picks=picks)))
    assert page.get_by_role("alert").get_by_role("listitem").all_text_contents() == [
        "a/near.png is nearly the same picture as a/trained.png, which is trained on: pick that "
        "one, too, or name it in screen.exclude, or pick another",
        "c.png may not be used: too small, 9x9 px: lower screen.min_short_edge, or pick another",
        "a/plian.png is no file in gather.source: did you mean a/plain.png? `make check` says "
        "whether it was renamed",
    ]
    assert picked(page) == ["a/plain.png"]


def test_a_name_that_no_command_holds_can_be_picked_by_lines(
    photographs: Path, open_page: Open
) -> None:
    page = open_page(made(photographs))
    page.locator(".card", has_text="next").click()
    assert picked(page) == [f"b/{UNWRITABLE}"]
    expect(page.locator("#command")).to_have_text(
        'No command can hold the name "b/next\\u0085line.png": write the lines into params.yaml.'
    )
    expect(page.get_by_role("button", name="Copy the command")).to_be_disabled()


def test_pointing_and_focus_compare_a_detail(photographs: Path, open_page: Open) -> None:
    page = open_page(made(photographs))
    compare = page.locator("#compare")
    for act in ("hover", "focus"):
        card(page, ODD).hover()
        expect(compare.get_by_role("heading")).to_have_text(ODD)
        getattr(card(page, "plain.png"), act)()
        expect(compare.get_by_role("heading")).to_have_text("plain.png")
        assert compare.locator(".size").all_text_contents() == ["HR", "x2", "x4"]
        sizes = "nodes => nodes.map(n => [n.naturalWidth, getComputedStyle(n).imageRendering])"
        expect(compare.locator("img").last).to_have_js_property("complete", True)
        assert compare.locator("img").evaluate_all(sizes) == [
            [64, "pixelated"],
            [32, "pixelated"],
            [16, "pixelated"],
        ]
    card(page, "tiny.png").hover()  # it has no detail, and that is no fault
    expect(compare.locator("img")).to_have_count(0)


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}])
def test_nothing_keeps_people_out(
    photographs: Path, open_page: Open, look: dict[str, object]
) -> None:
    page = open_page(made(photographs, with_changes(PARAMS, picks=["a/plain.png", "no"])), **look)
    page.locator("summary").click()
    assert barriers(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide


def test_on_a_phone_details_stand_below_each_photograph(photographs: Path, open_page: Open) -> None:
    page = open_page(made(photographs), viewport=PHONE, has_touch=True)
    expect(card(page, "plain.png").locator(".detail img").first).to_be_visible()
    expect(page.locator("#compare")).to_be_hidden()
    card(page, "plain.png").tap()
    expect(page.locator("#count")).to_have_text("1 picked")
    expect(page.get_by_role("button", name="Copy the command")).to_be_in_viewport()


@pytest.mark.long
def test_four_that_are_picked_by_eye_are_what_validates_after_the_copied_command(
    tmp_path: Path, open_page: Open
) -> None:
    code, project = tmp_path / "code", Project(tmp_path / "project", workers="2")
    copy_code(code)
    project.prepare(code)
    odd = 'objects/it\'s a "b", [c] ü.jpg'
    save_small(SAMPLES / "landscape/seeding.jpg", project.folder / "data/source" / odd)
    project.params["cutoff"]["images"] |= {"count": 2, "per_section": {}}
    project.write_params()
    commit = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet"]
    subprocess.run(["git", "add", "--all"], cwd=project.folder, check=True)
    subprocess.run([*commit, "--message", "code"], cwd=project.folder, check=True)
    project.repro()

    page = open_page(project.folder / "reports" / "pick.html")
    cards = page.locator(".card")
    assert cards.count() == 5
    names = [odd.rpartition("/")[2]]
    for name in page.locator(".card .name").all_text_contents():
        if name not in names and len(names) < 4:
            names.append(name)
    for name in names:
        card(page, name).click()
    chosen = picked(page)
    assert sorted(path.rpartition("/")[2] for path in chosen) == sorted(names)
    page.get_by_role("button", name="Copy the command").click()

    environment = project.environment | {
        key: value
        for who in ("AUTHOR", "COMMITTER")
        for key, value in ((f"GIT_{who}_NAME", "t"), (f"GIT_{who}_EMAIL", "t@example.org"))
    }
    done = subprocess.run(
        ["bash", "-c", copied(page)],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = tables.read(project.folder / "data/tables/validation.csv", Validation)
    assert {row.photograph for row in rows} == set(chosen)
    assert len(list((project.folder / "data/validation/hr").iterdir())) == 4
    page = open_page(project.folder / "reports" / "pick.html")
    assert picked(page) == chosen
    expect(page.locator(".card", has_text="validates now")).to_have_count(4)
