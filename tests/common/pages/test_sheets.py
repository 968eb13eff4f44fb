"""Contact sheets: every picture in its place, none enlarged."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from stages.common import workers
from stages.common.files import sha256_of
from stages.common.pages import sheets
from stages.common.pages.sheets import (
    COLUMNS,
    GAP,
    PAPER,
    SIDE,
    TEXT,
    Picture,
    sheet,
    thumbnail,
    thumbnails,
    write_sheets,
)
from stages.common.pixels import png
from stages.common.pixels.images import Pixels, read


def plain(path: Path, width: int, height: int, colour: tuple[int, int, int]) -> Picture:
    """A picture of one colour."""
    content = png.write(path, np.full((height, width, 3), colour, np.uint8))
    return Picture(path, hashlib.sha256(content).hexdigest(), f"#{colour[0]}   0.{colour[1]}")


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [
        (352, 176, (176, 88)),
        (176, 352, (88, 176)),
        (176, 176, (176, 176)),
        (100, 60, (100, 60)),  # not enlarged
        (3000, 2, (176, 1)),
    ],
)
def test_a_picture_is_fitted_in_and_never_enlarged(
    tmp_path: Path, width: int, height: int, shown: tuple[int, int]
) -> None:
    small = thumbnail(plain(tmp_path / "a.png", width, height, (10, 200, 30)))
    assert small.shape == (shown[1], shown[0], 3)
    assert np.unique(small.reshape(-1, 3), axis=0).tolist() == [[10, 200, 30]]


@pytest.mark.parametrize("count", [1, 5, 6, 7, 13])
def test_pictures_stand_row_by_row(tmp_path: Path, count: int) -> None:
    colours = [(i * 10, 255 - i * 10, 77) for i in range(count)]
    pictures = [plain(tmp_path / f"{i}.png", 200, 200, colour) for i, colour in enumerate(colours)]
    paper = sheet(pictures, thumbnails(pictures))
    columns, rows = min(count, COLUMNS), -(-count // COLUMNS)
    assert paper.shape == (GAP + rows * (SIDE + TEXT + GAP), GAP + columns * (SIDE + GAP), 3)
    for i, colour in enumerate(colours):
        row, column = divmod(i, COLUMNS)
        top, left = GAP + row * (SIDE + TEXT + GAP), GAP + column * (SIDE + GAP)
        square = paper[top : top + SIDE, left : left + SIDE]
        assert np.unique(square.reshape(-1, 3), axis=0).tolist() == [list(colour)]
        assert text_below(paper, top, left) > 0
    assert paper[0, 0].tolist() == list(PAPER)


def text_below(paper: Pixels, top: int, left: int) -> int:
    """How many pixels of the line below a picture are ink."""
    line = paper[top + SIDE : top + SIDE + TEXT, left : left + SIDE]
    return int((line != PAPER).any(axis=2).sum())


def test_a_small_picture_stands_in_the_middle(tmp_path: Path) -> None:
    pictures = [plain(tmp_path / "a.png", 76, 176, (1, 2, 3))]
    paper = sheet(pictures, thumbnails(pictures))
    assert paper[GAP + 9, GAP + 49].tolist() == list(PAPER)
    assert paper[GAP + 9, GAP + 50].tolist() == [1, 2, 3]
    assert paper[GAP + 9, GAP + 125].tolist() == [1, 2, 3]
    assert paper[GAP + 9, GAP + 126].tolist() == list(PAPER)


def test_sheets_of_photographs_are_the_same_with_workers_of_one_pool(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [
        Picture(path, sha256_of(path), path.stem) for path in sorted(photographs.glob("*/*.jpg"))
    ]
    contents = {"all.png": pictures, "last.png": pictures[-2:]}
    (tmp_path / "alone").mkdir()
    write_sheets(tmp_path / "alone", contents)
    pools = []

    def pool(size: int) -> object:
        pools.append(size)
        return whole_pool(size)

    whole_pool = workers.pool
    monkeypatch.setattr(workers, "pool", pool)
    monkeypatch.setenv("SRSET_WORKERS", "2")
    (tmp_path / "together").mkdir()
    write_sheets(tmp_path / "together", contents)
    assert pools == [2]
    small = thumbnails(pictures)
    for name, some in contents.items():
        alone = tmp_path / "alone" / name
        assert alone.read_bytes() == (tmp_path / "together" / name).read_bytes()
        assert read(alone).tolist() == sheet(some, small).tolist()


def test_a_picture_on_two_sheets_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noted(picture: Picture) -> Pixels:
        seen.append(picture.path.name)
        return thumbnail(picture)

    monkeypatch.setattr(sheets, "thumbnail", noted)
    first, second = (plain(tmp_path / f"{n}.png", 9, 9, (7, 7, 7)) for n in "ab")
    write_sheets(tmp_path, {"best.png": [first, second], "worst.png": [second, first]})
    assert seen == ["a.png", "b.png"]


def test_without_sheets_nothing_is_written(tmp_path: Path) -> None:
    write_sheets(tmp_path, {})
    assert list(tmp_path.iterdir()) == []
