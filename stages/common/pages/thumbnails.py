"""Thumbnails for pages: sheets of small pictures, written while a stage has the pixels at hand.

A sheet is a JPEG of up to `PER_SHEET` square cells, `COLUMNS` in a row, `SIDE` px wide and high. A
picture stands in the middle of its cell, on grey. Pictures belong to a group, and a picture's index
in its group says where it is: `place`.
"""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from stages.common import files
from stages.common.pixels import images
from stages.common.pixels.images import Pixels
from stages.common.rows import Tile

SIDE = 128  # px, of the square a picture is fitted into
COLUMNS = 8
PER_SHEET = 64
GREY = 128  # 0..255, around a picture
SHEET_QUALITY = 80  # of JPEG
SINGLE_QUALITY = 90  # of a picture that is put on a sheet later, and so compressed twice
STRIP = 64  # rows that are reduced at once
PHOTOGRAPHS = "photographs"  # the group of all photographs of a table, by its rows


class Place(NamedTuple):
    """Where a thumbnail is. The cell's left is `cell % COLUMNS * SIDE`, its top `cell // COLUMNS *
    SIDE`, px."""

    sheet: str  # its path below the folder of the sheets, with `/`
    cell: int  # 0..63


def place(group: str, index: int) -> Place:
    """Where the picture with this index, from 0, in its group is."""
    return Place(f"{group}_{index // PER_SHEET}.jpg", index % PER_SHEET)


def group_of(parent: str) -> str:
    """The group of the tiles that are cut from an image, by its path below data/multiscale."""
    return parent.removesuffix(".png")


def suffix_of(tile: Tile) -> str:
    """What a tile's path has after that of its parent, as `_s001.png`."""
    group = group_of(tile.parent)
    if not tile.path.startswith(group):
        raise AssertionError(f"{tile.path} is not named after {tile.parent}")
    return tile.path.removeprefix(group)


def places(tiles: Sequence[Tile]) -> dict[str, Place]:
    """Where each tile is, by its path, of all the rows of subimages.csv.

    A tile's index is its position in its parent, row by row: so no row of a parent may be missing.
    """
    before: Counter[str] = Counter()
    found = {}
    for tile in sorted(tiles, key=lambda tile: (tile.parent, tile.top, tile.left)):
        found[tile.path] = place(group_of(tile.parent), before[tile.parent])
        before[tile.parent] += 1
    return found


def thumbnail(pixels: Pixels) -> Pixels:
    """A picture scaled to fit into `SIDE` x `SIDE` px, never enlarged; (H, W, 3), 0..255."""
    height, width, _ = pixels.shape
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    factor = max(1, max(height, width) // (2 * SIDE))  # what is left, the better filter does
    image = Image.fromarray(_reduced(pixels, factor) if factor > 1 else pixels)
    box = (0, 0, width / factor, height / factor)  # the last row and column may be parts of means
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


def _reduced(pixels: Pixels, factor: int) -> Pixels:
    """Means of squares of `factor` px. By strips, since the whole as one of Pillow's images needs
    twice the time, and more memory than the pixels themselves."""
    rows = max(1, STRIP // factor) * factor
    strips = (pixels[top : top + rows] for top in range(0, len(pixels), rows))
    return np.concatenate([np.asarray(Image.fromarray(s).reduce(factor)) for s in strips])


def encode(picture: Pixels) -> bytes:
    """A thumbnail as a JPEG of its own, 3 to 6 KB."""
    return _jpeg(picture, SINGLE_QUALITY)


def decode(content: bytes) -> Pixels:
    """A thumbnail from what `encode` gave."""
    return images.decode(content)


class Sheets:
    """Writes the sheets of a group below a folder, each as soon as it is full: at most `PER_SHEET`
    thumbnails are held."""

    def __init__(self, folder: Path, group: str) -> None:
        self._folder = folder
        self._group = group
        self._count = 0
        self._waiting: list[Pixels] = []

    def add(self, picture: Pixels) -> None:
        """The next thumbnail of the group."""
        self._waiting.append(picture)
        self._count += 1
        if len(self._waiting) == PER_SHEET:
            self.finish()

    def finish(self) -> None:
        """Write the thumbnails that fill no sheet, if there are any; to be called at the end."""
        if self._waiting:
            path = self._folder / place(self._group, self._count - 1).sheet
            files.write(path, _jpeg(sheet(self._waiting), SHEET_QUALITY))
            self._waiting.clear()


def sheet(pictures: Sequence[Pixels]) -> Pixels:
    """Lay out 1 to `PER_SHEET` thumbnails row by row."""
    rows = -(-len(pictures) // COLUMNS)
    paper = np.full((rows * SIDE, COLUMNS * SIDE, 3), GREY, np.uint8)
    for cell, picture in enumerate(pictures):
        height, width, _ = picture.shape
        top = cell // COLUMNS * SIDE + (SIDE - height) // 2
        left = cell % COLUMNS * SIDE + (SIDE - width) // 2
        paper[top : top + height, left : left + width] = picture
    return paper


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=quality, subsampling="4:2:0")
    return content.getvalue()
