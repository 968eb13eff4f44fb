"""Picks: what is wrong is known from the folder, and from the last run as far as it holds."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.common import listing, picks, tables
from stages.common.candidates import ValidationParams, choose
from stages.common.errors import UserError
from stages.common.near import alike, known
from stages.common.near.alike import Look
from stages.common.near.known import Known
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.pixels.likeness import dhash
from stages.common.rows import Decision, Embedded, Photograph, section_of
from stages.common.versions import records
from tests.conftest import blobs, encoded, noise

SOURCE, EVALUATION, TABLES = Path("photos"), Path("data/evaluation"), Path("data/tables")
SECTIONS: dict[str, Any] = {
    "gather": {"source": "photos", "more": {}, "max_megapixels": 1},
    "screen": {
        "min_short_edge": 32,
        "exclude": ["*/out*"],
        "evaluation_sets": ["data/evaluation/set"],
        "known_sets": True,
    },
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with two photographs, an evaluation image, and no table yet."""
    monkeypatch.chdir(tmp_path)
    add("a/one.png", noise(40, 40, 1))
    add("a/two.png", blobs(64, 64, 2))
    png.write(EVALUATION / "set" / "e.png", blobs(80, 80, 3))


def add(path: str, pixels: Pixels) -> None:
    png.write(SOURCE / path, pixels)


def faults(*names: str, **screen: object) -> list[str]:
    sections = SECTIONS | {
        "validation": {"picks": list(names)},
        "screen": SECTIONS["screen"] | screen,
    }
    return picks.faults(sections)


def notes(*names: str) -> list[str]:
    return picks.notes(SECTIONS | {"validation": {"picks": list(names)}})


def facts(folder: Path, path: Path) -> Photograph:
    """The row that `gather` writes."""
    content = path.read_bytes()
    pixels, mode = images.decode_with_mode(content)
    name = path.relative_to(folder).as_posix()
    height, width, _ = pixels.shape
    return Photograph(
        name,
        section_of(name),
        hashlib.sha256(content).hexdigest(),
        width,
        height,
        len(content),
        mode,
        images.pixels_sha256(pixels),
        dhash(pixels),
    )


def gathered() -> None:
    """The tables that a run leaves."""
    for name, folder in (("images", SOURCE), ("evaluation", EVALUATION)):
        rows = sorted(facts(folder, path) for path in folder.rglob("*.*"))
        tables.write(TABLES / f"gathered_{name}.csv", Photograph, rows)


def test_no_fault_gives_no_text() -> None:
    assert faults() == []
    assert faults("a/one.png", "a/two.png") == []
    gathered()
    assert faults("a/one.png", "a/two.png") == []


def test_a_pick_that_is_not_there_is_known_from_the_folder_alone() -> None:
    assert faults("a/oen.png", "two.png", "a/one.png", "\N{SNOWMAN}") == [
        "validation.picks: a/oen.png is no file in gather.source: did you mean a/one.png?",
        "validation.picks: two.png is no file in gather.source: did you mean a/two.png?",
        "validation.picks: \N{SNOWMAN} is no file in gather.source, and none has a name like it.",
    ]


def test_a_still_can_be_picked_and_need_not_be_there_yet() -> None:
    (SOURCE / "a" / "day.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    assert faults("a/day.mp4/000007.png") == []
    png.write(Path("data/frames/a/day.mp4/000007.png"), noise(40, 40, 7))
    png.write(Path("data/frames/a/day.mp4/000009.png"), noise(40, 31, 7))
    assert faults("a/day.mp4/000007.png") == []
    assert [fault[:65] for fault in faults("a/day.mp4/000009.png", "a/day.mp4")] == [
        "validation.picks: a/day.mp4/000009.png may not be used: too small",
        "validation.picks: a/day.mp4 may not be used: a video, stills take",
    ]


def test_what_the_file_itself_says_needs_no_table() -> None:
    add("a/small.png", noise(40, 31))
    add("a/out of focus.png", noise(40, 40, 5))
    (SOURCE / "a" / "half.jpg").write_bytes(encoded(noise(40, 40), "JPEG")[:1500])
    (SOURCE / "a" / "notes.txt").write_text("ask before publishing")
    (SOURCE / "a" / "nowhere.jpg").symlink_to("gone.jpg")
    names = ("small.png", "out of focus.png", "half.jpg", "notes.txt", "nowhere.jpg")
    assert faults(*(f"a/{name}" for name in names)) == [
        "validation.picks: a/small.png may not be used: too small, 31x40 px, the short edge must "
        "be 32 or more: lower screen.min_short_edge, or pick another",
        "validation.picks: a/out of focus.png may not be used: excluded, matches '*/out*' of "
        "screen.exclude: take that pattern out, or pick another",
        "validation.picks: a/half.jpg may not be used: truncated, image file is truncated "
        "(65 bytes not processed): mend the file, or pick another",
        "validation.picks: a/notes.txt may not be used: not an image, looks like text: convert it, "
        "or pick another",
        "validation.picks: a/nowhere.jpg may not be used: unreadable, not a file, or a link that "
        "leads nowhere: mend the file, or pick another",
    ]
    assert faults("a/small.png", min_short_edge=31) == []
    assert faults("a/out of focus.png", exclude=[]) == []


def test_a_photograph_that_came_since_the_last_run_is_passed_over() -> None:
    gathered()
    add("a/new.png", noise(40, 40, 9))
    assert faults("a/new.png") == []


def test_a_copy_of_a_photograph_is_told_while_the_other_is_there() -> None:
    shutil.copy(SOURCE / "a/one.png", SOURCE / "a/zwin.png")
    (SOURCE / "a/one.bmp").write_bytes(encoded(noise(40, 40, 1), "BMP"))
    assert faults("a/zwin.png") == []  # nobody knows yet
    gathered()
    found = (
        "validation.picks: a/{} may not be used: exact duplicate, same {} as a/{}: pick that one"
    )
    assert faults("a/zwin.png") == [found.format("zwin.png", "pixels", "one.bmp")]
    (SOURCE / "a/one.bmp").unlink()
    assert faults("a/zwin.png") == [found.format("zwin.png", "file", "one.png")]
    assert faults("a/zwin.png", exclude=["a/one*"]) == []
    add("a/one.png", noise(40, 40, 8))
    assert faults("a/zwin.png") == []


def test_an_evaluation_image_is_told_while_it_is_one() -> None:
    add("a/scaled.png", blobs(50, 50, 3))
    gathered()
    assert faults("a/scaled.png") == [
        "validation.picks: a/scaled.png may not be used: evaluation set, 12 of 256 bits from "
        "data/evaluation/set/e.png: take that set out of screen.evaluation_sets, or pick another"
    ]
    assert faults("a/scaled.png", evaluation_sets=[]) == []
    png.write(EVALUATION / "set" / "e.png", noise(80, 80, 4))
    assert faults("a/scaled.png") == []


def test_a_pick_that_was_renamed_is_told_its_new_path() -> None:
    gathered()
    (SOURCE / "a/one.png").rename(SOURCE / "a/uno.png")
    renamed = (
        "validation.picks: a/one.png is no longer there: the same file is now a/uno.png: pick that"
    )
    assert faults("a/one.png") == [renamed]
    (SOURCE / "a/uno.png").unlink()
    assert faults("a/one.png") == [
        "validation.picks: a/one.png is no file in gather.source: did you mean a/two.png?"
    ]


def test_a_pick_that_was_saved_anew_elsewhere_is_known_by_its_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gathered()
    before = TABLES.rename("before") / "gathered_images.csv"
    (SOURCE / "a/one.png").unlink()
    (SOURCE / "a/uno.bmp").write_bytes(encoded(noise(40, 40, 1), "BMP"))
    gathered()
    there = {TABLES / "gathered_images.csv": before}
    monkeypatch.setattr(records, "committed_file", there.get)
    assert faults("a/one.png") == [
        "validation.picks: a/one.png is no longer there: the same picture is now a/uno.bmp: pick "
        "that"
    ]


def test_what_gather_has_told_of_the_last_change_is_used() -> None:
    (SOURCE / "a/one.png").rename(SOURCE / "a/uno.png")
    gathered()
    change = listing.Change("a/uno.png", "renamed", "a/one.png")
    tables.write(Path("reports/changes_images.csv"), listing.Change, [change])
    assert "the same file is now a/uno.png: pick that" in faults("a/one.png")[0]
    (SOURCE / "a/uno.png").rename(SOURCE / "a/eins.png")
    assert "is no file in gather.source" in faults("a/one.png")[0]


def test_tables_of_an_older_version_are_passed_over() -> None:
    TABLES.mkdir(parents=True)
    for name in ("gathered_images", "gathered_evaluation", "screened", "cutoff_images"):
        (TABLES / f"{name}.csv").write_text("name\nx\n")
    assert faults("a/one.png") == notes("a/one.png") == []
    assert "did you mean a/one.png?" in faults("a/oen.png")[0]


def decided(*kept: str) -> None:
    """The tables that a run leaves up to the cutoff."""
    gathered()
    shutil.copy(TABLES / "gathered_images.csv", TABLES / "screened.csv")
    rows = [
        Decision(rank, row.path, row.section, row.sha256, 1, 0.5, row.path in kept, "", "")
        for rank, row in enumerate(tables.read(TABLES / "screened.csv", Photograph), start=1)
    ]
    tables.write(TABLES / "cutoff_images.csv", Decision, rows)


def test_a_copy_of_what_the_last_run_trained_on_is_noted() -> None:
    """And the stage itself refuses it, if it still is so."""
    add("a/two small.png", blobs(40, 40, 2))
    assert notes("a/two small.png") == []
    decided("a/two.png")
    nearly = (
        "a/two small.png is nearly the same picture as a/two.png, which is trained on: pick that "
        "one, too, or name it in screen.exclude, or pick another"
    )
    assert notes("a/two small.png") == [f"validation.picks: as of the last run, {nearly}"]
    assert faults("a/two small.png") == []
    rows = tables.read(TABLES / "cutoff_images.csv", Decision)
    listed = tables.read(TABLES / "screened.csv", Photograph)
    looks = {row.path: Look(row.dhash, alike.UNKNOWN) for row in listed}
    params = ValidationParams(candidates=9, count=1, picks=["a/two small.png"], scales=[2])
    with pytest.raises(UserError) as raised:
        choose(rows, looks, params, {})
    assert nearly in str(raised.value)


def test_a_copy_of_what_may_not_be_trained_on_again_is_not_noted() -> None:
    add("a/two small.png", blobs(40, 40, 2))
    decided("a/two.png")
    assert notes("a/two small.png", "a/two.png") == []  # it is picked, too
    add("a/two.png", noise(40, 40, 7))
    assert notes("a/two small.png") == []


def test_what_the_embedding_tells_is_known_from_the_last_run() -> None:
    add("a/cropped.png", noise(50, 50, 5))
    decided("a/two.png")
    listed = tables.read(TABLES / "gathered_images.csv", Photograph)
    alike_ones = {"a/cropped.png", "a/two.png"}
    codes = [
        Embedded(row.path, row.sha256, "7f" * 128 if row.path in alike_ones else alike.UNKNOWN)
        for row in listed
    ]
    assert notes("a/cropped.png") == []
    tables.write(picks.IMAGES, Embedded, codes)
    assert "is nearly the same picture as a/two.png" in notes("a/cropped.png")[0]


def test_an_image_of_a_public_test_set_is_told() -> None:
    row = facts(SOURCE, SOURCE / "a/one.png")
    its = Known("Set5", "bird", "whole", row.pixels, row.dhash, "0" * 64, alike.UNKNOWN)
    tables.write(known.FILE, Known, [its])
    assert faults("a/one.png") == [
        "validation.picks: a/one.png may not be used: evaluation set, same pixels as Set5 bird: "
        "take that set out of screen.evaluation_sets, or pick another"
    ]
    assert faults("a/one.png", known_sets=False) == []
