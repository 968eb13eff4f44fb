"""Leave out: a file that people write, read as they mean it or refused by its line."""

from pathlib import Path

import pytest

from stages.common import tables
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut, notes, read
from stages.common.rows import Decision, Tile
from tests.conftest import REPOSITORY


def test_the_repository_leaves_nothing_out() -> None:
    assert read(REPOSITORY / "data" / "leave_out.csv") == []


def test_it_is_read_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "leave_out.csv"
    path.write_bytes(
        b"\xef\xbb\xbfimage,reason\r\nfaces/a.png, blurred \r\n\r\n"
        b'"b, and ""c"".png","moir\xc3\xa9, everywhere"\r\ncaf\xe9.png,\r\n,\r\n'
    )
    assert read(path) == [
        LeftOut("faces/a.png", "blurred"),
        LeftOut('b, and "c".png', "moiré, everywhere"),
        LeftOut("caf\udce9.png", ""),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the first line must be `image,reason`, got ``"),
        ("path,why\na,b\n", ": the first line must be `image,reason`, got `path,why`"),
        ("image,reason\na.png\n", ", line 2: must be `image,reason`, got `a.png`: put a cell "),
        ("image,reason\n\na,b,c\n", ", line 3: must be `image,reason`, got `a,b,c`: put a cell "),
        ("image,reason\n,why\n", ", line 2: must be `image,reason`, got `,why`: put a cell "),
        ('image,reason\n"a,b\n', ": unexpected end of data: mend its quotes, or write it anew"),
    ],
)
def test_a_line_that_can_not_be_meant_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "leave_out.csv"
    path.write_text(content)
    with pytest.raises(UserError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}{message}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        read(tmp_path / "leave_out.csv")
    assert str(raised.value) == (
        f"{tmp_path / 'leave_out.csv'} is missing: make it, with the line `image,reason`"
    )


def test_what_names_nothing_is_noted(tmp_path: Path) -> None:
    def is_photograph(path: str) -> bool:
        return path == "a.jpg"

    rows = [LeftOut(image, "") for image in ("a.jpg", "s/tile.png", "0" * 64, "b.jpg", "c.jpg")]
    (note,) = notes(rows, is_photograph, tmp_path)
    assert note.startswith("data/leave_out.csv names 3 images that are no photograph and no tile ")
    tile = Tile("s/tile.png", "s", "", "s/a.png", "1", 8, 8, 0, 0, 8, 8, "s/a.jpg", "")
    tables.write(tmp_path / "subimages.csv", Tile, [tile])
    (note,) = notes(rows, is_photograph, tmp_path)
    assert note.startswith("data/leave_out.csv names 2 images that are no photograph and no tile ")
    assert ", as b.jpg: " in note
    assert notes(rows[:3], is_photograph, tmp_path) == []


def test_a_hash_of_no_image_is_noted_once_there_are_tables(tmp_path: Path) -> None:
    def noted(*hashes: str) -> list[str]:
        return notes([LeftOut(it, "") for it in hashes], lambda path: False, tmp_path)

    photograph, tile, other = "a" * 64, "b" * 64, "c" * 64
    for which, sha256 in (("images", photograph), ("subimages", tile)):
        assert noted(other) == []  # it may be in the table that is not there yet
        decision = Decision(1, "a.jpg", "s", sha256, 9, 0.5, True, "", "")
        tables.write(tmp_path / f"cutoff_{which}.csv", Decision, [decision])
    assert noted(photograph, tile) == []
    assert noted(tile, other, "d" * 64) == [
        "data/leave_out.csv has 2 hashes that are in neither cutoff_images.csv nor "
        f"cutoff_subimages.csv of the last run, as {other}: a tile's changes with its photograph, "
        "size and box; copy it anew, or leave them"
    ]
