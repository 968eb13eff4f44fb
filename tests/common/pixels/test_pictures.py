"""Pictures: what is cut out of a photograph in memory is what the files would hold."""

import itertools
from pathlib import Path

import pytest
from PIL import Image

from stages.common import sources, tables
from stages.common.errors import UserError
from stages.common.pixels import images, pictures, png
from stages.common.pixels.images import Pixels, read
from stages.common.pixels.pictures import Picture, key, pixels
from stages.common.rows import Item, Tile
from tests.conftest import blobs, encoded, item

WIDTH, HEIGHT, SIDE = 320, 240, 96  # px


@pytest.fixture
def photograph(tmp_path: Path) -> Item:
    """A JPEG below tmp_path, and its row."""
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.jpg").write_bytes(encoded(blobs(HEIGHT, WIDTH), "JPEG", quality=90))
    return item(tmp_path, "s/a.jpg")


def tile(photograph: Item, scaled: tuple[int, int], left: int, top: int) -> Tile:
    """A tile of SIDE px."""
    whole, box = (photograph.width, photograph.height), (left, top, SIDE, SIDE)
    return Tile(
        f"s/aT0_{left}_{top}.png",
        "s",
        key(photograph.pixels, whole, scaled, box),
        "s/aT0.png",
        "1",
        *scaled,
        *box,
        photograph.path,
        photograph.sha256,
    )


@pytest.mark.parametrize("scaled", [(WIDTH, HEIGHT), (WIDTH * 3 // 4, HEIGHT * 3 // 4)])
def test_a_tiles_pixels_are_those_of_the_files_of_multiscale_and_subimages(
    photograph: Item, tmp_path: Path, scaled: tuple[int, int]
) -> None:
    canonical = read(tmp_path / photograph.path)
    smaller = canonical
    if scaled != (WIDTH, HEIGHT):
        smaller = images.resize(canonical, *scaled, Image.Resampling.LANCZOS)
    png.write(tmp_path / "multiscale.png", smaller)
    for left, top in ((0, 0), (17, 40), (scaled[0] - SIDE, scaled[1] - SIDE)):
        box = read(tmp_path / "multiscale.png")[top : top + SIDE, left : left + SIDE]
        png.write(tmp_path / "tile.png", box)
        picture = pictures.of_tile(tile(photograph, scaled, left, top))
        found = pixels(tmp_path, picture)
        assert found.tolist() == read(tmp_path / "tile.png").tolist()
        assert png.encode(found) == (tmp_path / "tile.png").read_bytes()


def test_keys_differ_by_photograph_size_and_box_and_by_nothing_else() -> None:
    one, other = "1" * 64, "2" * 64
    scaled = [(320, 240), (240, 180)]
    boxes = list(itertools.product((0, 1), (0, 1), (96, 97), (96, 97)))
    asked = list(itertools.product((one, other), [(320, 240)], scaled, boxes))
    keys = [key(*each) for each in asked]
    assert len(set(keys)) == len(asked)
    assert [key(*each) for each in asked] == keys
    assert all(len(each) == 64 for each in keys)


def test_a_key_of_what_is_downscaled_alone_depends_on_who_downscales(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, box = (320, 240), (0, 0, 96, 96)
    before = key("1" * 64, whole, whole, box), key("1" * 64, whole, (240, 180), box)
    monkeypatch.setattr(pictures.PIL, "__version__", "of tomorrow")
    after = key("1" * 64, whole, whole, box), key("1" * 64, whole, (240, 180), box)
    assert after[0] == before[0]
    assert after[1] != before[1]


@pytest.mark.parametrize("damage", ["another", "gone"])
def test_a_photograph_that_is_not_as_it_was_is_refused_by_name(
    photograph: Item, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / photograph.path
    path.unlink()
    if damage == "another":
        path.write_bytes(encoded(blobs(HEIGHT, WIDTH, 1), "JPEG"))
    says = {"another": "has changed since it was listed", "gone": "can't be read any more"}
    with pytest.raises(UserError) as raised:
        pixels(tmp_path, pictures.of_tile(tile(photograph, (WIDTH, HEIGHT), 0, 0)))
    assert str(raised.value).startswith(f"{path} {says[damage]}")


def test_a_photograph_is_decoded_once_for_all_its_tiles(
    photograph: Item, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    def counted(*arguments: object) -> Pixels:
        decoded.append(arguments)
        return read(tmp_path / photograph.path)

    monkeypatch.setattr(sources, "pixels", counted)
    scaled = [(WIDTH, HEIGHT), (240, 180), (160, 120)]
    wanted = [tile(photograph, size, left, 0) for size in scaled for left in (0, 5, 9)]
    pictures.forget()
    for each in wanted:
        pixels(tmp_path, pictures.of_tile(each))
    assert decoded == [(tmp_path, photograph.path, photograph.sha256)]
    pictures.forget()
    pixels(tmp_path, pictures.of_tile(wanted[0]))
    assert len(decoded) == 2


def test_a_table_is_read_as_tiles_or_as_whole_photographs(photograph: Item, tmp_path: Path) -> None:
    one = tile(photograph, (240, 180), 3, 4)
    tables.write(tmp_path / "tiles.csv", Tile, [one])
    tables.write(tmp_path / "photographs.csv", Item, [photograph])
    assert pictures.read(tmp_path / "tiles.csv") == [
        Picture(
            path=one.path,
            sha256=one.pixels,
            photograph="s/a.jpg",
            photograph_sha256=photograph.sha256,
            pixels=one.pixels,
            width=SIDE,
            height=SIDE,
            scaled=(240, 180),
            left=3,
            top=4,
        )
    ]
    (whole,) = pictures.read(tmp_path / "photographs.csv")
    assert (whole.pixels, whole.scaled) == (photograph.pixels, None)
    assert pixels(tmp_path, whole).tolist() == read(tmp_path / photograph.path).tolist()
