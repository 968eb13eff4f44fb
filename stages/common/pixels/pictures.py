"""Pictures: what is looked at. A photograph, the size to which it is downscaled, and a box in that.

A tile is such a picture, and needs no file: it is cut out of its photograph in memory, with the
same pixels as the files of the stages `multiscale` and `subimages` have. A photograph is decoded
once for all pictures of it that come one after the other.
"""

import csv
import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

import PIL
from PIL import Image

from stages.common import sources, tables
from stages.common.errors import UserError
from stages.common.pixels import images
from stages.common.pixels.images import ImageError, Pixels
from stages.common.rows import Item, Tile
from stages.common.sources import Root

VERSION = 1  # of the downscale, part of a tile's key

Size = tuple[int, int]  # width and height, px


class Picture(NamedTuple):
    """A photograph, the size to which it is downscaled, and a box in that."""

    path: str  # as its table lists it
    sha256: str  # likewise: of the photograph's file; of a tile, its key
    photograph: str  # the path of the photograph
    photograph_sha256: str  # of its file
    pixels: str  # the key: SHA-256 that stands for the pixels that are looked at
    width: int  # of the box, px
    height: int
    scaled: Size | None = None  # the size to which the photograph is downscaled; None: it is not
    left: int = 0  # of the box in that, px
    top: int = 0


def key(photograph_pixels: str, size: Size, scaled: Size, box: tuple[int, int, int, int]) -> str:
    """SHA-256 that stands for a tile's pixels, so that nobody needs to cut it to know it again.

    Args:
        photograph_pixels: SHA-256 of the photograph's pixels.
        size: of the photograph.
        scaled: to which it is downscaled.
        box: left, top, width and height in that.
    """
    made = "" if scaled == size else f" lanczos {VERSION} pillow {PIL.__version__}"
    left, top, width, height = box
    text = f"{photograph_pixels} {scaled[0]}x{scaled[1]} {width}x{height}+{left}+{top}{made}"
    return hashlib.sha256(text.encode()).hexdigest()


def of_tile(tile: Tile) -> Picture:
    """A tile, as subimages.csv lists it."""
    return Picture(
        tile.path,
        tile.pixels,
        tile.photograph,
        tile.photograph_sha256,
        tile.pixels,
        tile.width,
        tile.height,
        (tile.scaled_width, tile.scaled_height),
        tile.left,
        tile.top,
    )


def whole(item: Item, scaled: Size | None = None) -> Picture:
    """A whole photograph, downscaled or as it is. Its key says nothing of the size."""
    width, height = scaled or (item.width, item.height)
    return Picture(
        item.path, item.sha256, item.path, item.sha256, item.pixels, width, height, scaled
    )


def read(table: Path) -> list[Picture]:
    """The pictures that a table lists: tiles, or whole photographs.

    Raises:
        UserError: where the file is missing, damaged, or lists neither.
    """
    if lists_tiles(table):
        return [of_tile(row) for row in tables.read(table, Tile)]
    return [whole(row) for row in tables.read(table, Item)]


def lists_tiles(table: Path) -> bool:
    """Whether a table lists tiles; False where it is not there."""
    if not table.is_file():
        return False
    with table.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return "scaled_width" in next(csv.reader(file), [])


def pixels(root: Root, picture: Picture) -> Pixels:
    """The pixels of a picture, (height, width, 3), 0..255. They may be a part of a larger array.

    Raises:
        UserError: where the photograph can't be read any more, or is not the file that its table
            lists: what is found out about other pixels would be kept under this picture's key.
    """
    left, top = picture.left, picture.top
    whole = downscaled(root, picture.photograph, picture.photograph_sha256, picture.scaled)
    return whole[top : top + picture.height, left : left + picture.width]


@functools.lru_cache(maxsize=1)
def downscaled(root: Root, path: str, sha256: str, size: Size | None) -> Pixels:
    """A photograph at a size, (height, width, 3), 0..255. The last one is remembered; so is the
    photograph itself, for its other sizes.

    Raises:
        UserError: as `pixels`.
    """
    downscaled.cache_clear()  # drops the picture before, so that no two are in memory
    photograph = _decoded(root, path, sha256)
    height, width = photograph.shape[:2]
    if size is None or size == (width, height):
        return photograph
    return images.resize(photograph, *size, Image.Resampling.LANCZOS)


@functools.lru_cache(maxsize=1)
def _decoded(root: Root, path: str, sha256: str) -> Pixels:
    _decoded.cache_clear()
    try:
        return sources.pixels(root, path, sha256)
    except (OSError, ImageError) as error:
        name = sources.shown(root, path)
        raise UserError(f"{name} can't be read any more ({error}): run `dvc repro` again") from None


def forget() -> None:
    """Free the memory of what is remembered."""
    downscaled.cache_clear()
    _decoded.cache_clear()
