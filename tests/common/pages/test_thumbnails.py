"""Thumbnails: every picture in its cell, none enlarged, and each reader finds it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.common.pages import thumbnails
from stages.common.pages.thumbnails import (
    COLUMNS,
    GREY,
    PER_SHEET,
    SIDE,
    Place,
    Sheets,
    decode,
    encode,
    group_of,
    place,
    places,
    sheet,
    thumbnail,
)
from stages.common.pixels.images import Pixels
from stages.common.rows import Tile
from tests import strategies
from tests.conftest import blobs, noise


def plain(height: int, width: int, colour: tuple[int, int, int]) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def cell_of(paper: Pixels, cell: int) -> Pixels:
    """The square of a cell, as the contract of `Place` has it."""
    left, top = cell % COLUMNS * SIDE, cell // COLUMNS * SIDE
    return paper[top : top + SIDE, left : left + SIDE]


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [
        (512, 512, (128, 128)),
        (1024, 512, (128, 64)),
        (600, 401, (128, 86)),
        (401, 600, (86, 128)),
        (129, 128, (128, 127)),
        (100, 60, (100, 60)),  # not enlarged
        (1, 1, (1, 1)),
        (3000, 2, (128, 1)),
        (2, 3000, (1, 128)),
    ],
)
def test_a_picture_is_fitted_in_and_never_enlarged(
    width: int, height: int, shown: tuple[int, int]
) -> None:
    small = thumbnail(plain(height, width, (10, 200, 30)))
    assert small.shape == (shown[1], shown[0], 3)
    assert np.unique(small.reshape(-1, 3), axis=0).tolist() == [[10, 200, 30]]


@given(strategies.pixels)
def test_a_small_picture_is_itself(pixels: Pixels) -> None:
    assert thumbnail(pixels).tolist() == pixels.tolist()


@given(st.integers(257, 1500), st.integers(257, 1500))
def test_a_thumbnail_is_near_what_pillow_makes_of_the_whole(height: int, width: int) -> None:
    """Which reads all pixels at once with a filter against aliasing."""
    pixels = blobs(height, width, height * width)
    small = thumbnail(pixels)
    size = (small.shape[1], small.shape[0])
    whole = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    assert np.abs(small.astype(int) - whole).max() <= 8
    assert np.abs(small.astype(int) - whole).mean() <= 1


@given(st.integers(1, 400), st.integers(1, 60), st.integers(2, 30))
def test_strips_reduce_as_the_whole_does(height: int, width: int, factor: int) -> None:
    pixels = noise(height, width, factor)
    whole = np.asarray(Image.fromarray(pixels).reduce(factor))
    assert thumbnails._reduced(pixels, factor).tolist() == whole.tolist()


def test_a_thumbnail_of_its_own_is_a_jpeg_of_a_few_kilobytes() -> None:
    small = thumbnail(blobs(600, 400))
    content = encode(small)
    assert content[:3] == b"\xff\xd8\xff"
    assert len(content) < 6000
    assert encode(small) == content
    assert np.abs(decode(content).astype(int) - small).max() < 40


@pytest.mark.parametrize("count", [1, 7, 8, 9, 64])
def test_pictures_stand_row_by_row_in_the_middle_of_their_cells(count: int) -> None:
    pictures = [plain(20 + i, 128 - i, (i, 255 - i, 77)) for i in range(count)]
    paper = sheet(pictures)
    assert paper.shape == (-(-count // COLUMNS) * SIDE, COLUMNS * SIDE, 3)
    for cell, picture in enumerate(pictures):
        expected = plain(SIDE, SIDE, (GREY, GREY, GREY))
        height, width, _ = picture.shape
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        expected[top : top + height, left : left + width] = picture
        assert np.array_equal(cell_of(paper, cell), expected)
    for cell in range(count, -(-count // COLUMNS) * COLUMNS):
        assert (cell_of(paper, cell) == GREY).all()


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 130])
def test_every_picture_is_where_its_place_is(tmp_path: Path, count: int) -> None:
    colours = [(i * 37 % 256, i * 101 % 256, i * 7 % 256) for i in range(count)]
    sheets = Sheets(tmp_path, "a folder/b & <c>")
    for colour in colours:
        sheets.add(plain(SIDE, SIDE, colour))
    sheets.finish()
    found = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert found == [f"a folder/b & <c>_{i}.jpg" for i in range(-(-count // PER_SHEET))]
    for index, colour in enumerate(colours):
        path, cell = place("a folder/b & <c>", index)
        with Image.open(tmp_path / path) as image:
            assert (image.format, image.mode, image.width) == ("JPEG", "RGB", COLUMNS * SIDE)
            middle = cell_of(np.asarray(image), cell)[40:88, 40:88].astype(int)
        assert np.abs(middle - colour).max() <= 4


def test_a_full_sheet_is_written_at_once(tmp_path: Path) -> None:
    sheets = Sheets(tmp_path, "photographs")
    for i in range(PER_SHEET + 3):
        assert (tmp_path / "photographs_0.jpg").exists() == (i >= PER_SHEET)
        sheets.add(noise(9, 9, i))
    assert not (tmp_path / "photographs_1.jpg").exists()
    sheets.finish()
    sheets.finish()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["photographs_0.jpg", "photographs_1.jpg"]


def test_where_a_picture_is() -> None:
    assert place("photographs", 0) == Place("photographs_0.jpg", 0)
    assert place("photographs", 63) == Place("photographs_0.jpg", 63)
    assert place("a/b", 64) == Place("a/b_1.jpg", 0)
    assert place("a/b", 70_000) == Place("a/b_1093.jpg", 48)


@given(st.lists(st.tuples(strategies.paths, st.integers(0, 10**6)), unique=True, max_size=8))
def test_no_two_pictures_share_a_place(pictures: list[tuple[str, int]]) -> None:
    pictures += [(f"{group}_{index // PER_SHEET}", index) for group, index in pictures]
    found = {place(group, index) for group, index in set(pictures)}
    assert len(found) == len(set(pictures))


def tile(path: str, parent: str, top: int, left: int) -> Tile:
    digest = hashlib.sha256(path.encode()).hexdigest()
    return Tile(path, ".", digest, parent, "1", 80, 80, left, top, 8, 8, "a.jpg", digest)


@given(st.permutations(range(150)))
def test_a_tile_s_index_is_its_position_in_its_parent(order: list[int]) -> None:
    first = [tile(f"s/a_s{i:03}.png", "s/a.png", i // 10 * 5, i % 10 * 5) for i in range(149)]
    tiles = [*first, tile("s/b_s001.png", "s/b.png", 0, 0)]
    expected = {f"s/a_s{i:03}.png": place("s/a", i) for i in range(149)}
    expected["s/b_s001.png"] = Place("s/b_0.jpg", 0)
    assert places([tiles[i] for i in order]) == expected
    assert group_of("s/a.png.png") == "s/a.png"
