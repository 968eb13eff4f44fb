"""Contact sheets: every thumbnail in its place, with its name and note below."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from stages.common import workers
from stages.common.errors import UserError
from stages.common.pages import sheets
from stages.common.pages.sheets import COLUMNS, GAP, PAPER, STEP, Picture, fitted, sheet, size
from stages.common.pages.thumbnails import SIDE, Place, Sheets
from stages.common.pixels.images import Pixels, read


def colour(i: int) -> Pixels:
    """A picture of one colour, another for each number."""
    return np.full((SIDE, SIDE, 3), (3 * i % 256, 200, 255 - 3 * i % 256), np.uint8)


def some(folder: Path, number: int) -> list[Picture]:
    """Pictures from sheets of thumbnails."""
    made = Sheets(folder, "group")
    for i in range(number):
        made.add(colour(i))
    made.finish()
    places = [Place(f"group_{i // 64}.jpg", i % 64) for i in range(number)]
    return [sheets.picture(folder, place, f"name {i}", "0.5") for i, place in enumerate(places)]


@pytest.mark.parametrize("number", [1, 5, 6, 7, 70])
def test_every_picture_is_in_its_place(tmp_path: Path, number: int) -> None:
    pictures = some(tmp_path / "thumbnails", number)
    sheets.write_sheets(tmp_path, {"a.png": pictures, "b.png": pictures[::-1]})
    for name, order in (("a.png", range(number)), ("b.png", reversed(range(number)))):
        pixels = read(tmp_path / name)
        assert pixels.shape == (size(number)[1], size(number)[0], 3)
        for place, i in enumerate(order):
            top, left = GAP + place // COLUMNS * STEP, GAP + place % COLUMNS * (SIDE + GAP)
            cell = pixels[top : top + SIDE, left : left + SIDE].astype(int)
            middle = (cell - colour(i))[16:-16, 16:-16]  # at its edges JPEG mixes neighbours
            assert np.abs(middle).max() <= 4
            text = pixels[top + SIDE : top + STEP - GAP, left : left + SIDE]
            assert (text != PAPER).any(axis=2).sum() > 50


def test_each_sheet_of_thumbnails_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_sheets = []

    def spied(function, items):  # type: ignore[no-untyped-def]
        read_sheets.extend(items)
        return map(function, items)

    monkeypatch.setattr(workers, "ordered_map", spied)
    pictures = some(tmp_path / "thumbnails", 70)
    sheets.write_sheets(tmp_path, {"a.png": pictures, "b.png": pictures[:3]})
    assert [path.name for path, _ in read_sheets] == ["group_0.jpg", "group_1.jpg"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (picture,) = some(tmp_path / "thumbnails", 1)
    with pytest.raises(UserError, match=r"other.jpg is missing: run `dvc repro`"):
        sheets.thumbnails([picture._replace(sheet=tmp_path / "other.jpg")])
    with pytest.raises(UserError, match="has no picture 9: delete it"):
        sheets.thumbnails([picture._replace(cell=9)])


@pytest.mark.parametrize(
    "text", ["short", "a-long-name-of-a-photograph-1f2e3d4cT0_s001", "山" * 40, "", "caf\udce9"]
)
def test_a_long_name_keeps_its_ends(text: str) -> None:
    font = ImageFont.load_default(11)
    made = fitted(text, font, SIDE)
    assert font.getlength(made) <= SIDE
    start, ellipsis, end = made.partition("…")
    printable = text.encode("utf-8", errors="backslashreplace").decode()
    assert printable.startswith(start)
    assert printable.endswith(end)
    assert bool(ellipsis) == (made != printable)
    assert abs(len(start) - len(end)) <= 1 or not ellipsis


def test_a_sheet_is_as_wide_as_its_pictures(tmp_path: Path) -> None:
    pictures = some(tmp_path, 2)
    pixels = sheet(pictures, sheets.thumbnails(pictures))
    assert pixels.shape == (GAP + STEP, GAP + 2 * (SIDE + GAP), 3)


def test_a_damaged_sheet_is_named(tmp_path: Path) -> None:
    (picture,) = some(tmp_path / "thumbnails", 1)
    picture.sheet.write_bytes(picture.sheet.read_bytes()[:400])
    with pytest.raises(UserError, match=r"group_0.jpg is damaged \(.*\): delete it and run `dvc"):
        sheets.thumbnails([picture])
