"""Contact sheets: many small pictures on one, each with a line of text below it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stages.common import workers
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels

SIDE = 176  # px, of the square a picture is fitted into
COLUMNS = 6
GAP = 8
TEXT = 18
PAPER = (250, 250, 248)
INK = (70, 70, 70)


class Picture(NamedTuple):
    path: Path
    sha256: str  # of the file
    caption: str  # ASCII, at most about 25 characters


def thumbnail(picture: Picture) -> Pixels:
    """The picture within `SIDE` x `SIDE` px, never enlarged."""
    image = Image.fromarray(images.read_checked(picture.path, picture.sha256))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def thumbnails(pictures: Sequence[Picture]) -> dict[Path, Pixels]:
    """Each picture's thumbnail, by its path; a picture that is there twice is read once."""
    different = {picture.path: picture for picture in pictures}
    return dict(zip(different, workers.ordered_map(thumbnail, different.values()), strict=True))


def sheet(pictures: Sequence[Picture], small: Mapping[Path, Pixels]) -> Pixels:
    """Lay the thumbnails of pictures out row by row; at least one."""
    font = ImageFont.load_default(12)
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // COLUMNS)
    size = (GAP + columns * (SIDE + GAP), GAP + rows * (SIDE + TEXT + GAP))
    paper = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(paper)
    for i, picture in enumerate(pictures):
        left = GAP + i % COLUMNS * (SIDE + GAP)
        top = GAP + i // COLUMNS * (SIDE + TEXT + GAP)
        pixels = small[picture.path]
        height, width, _ = pixels.shape
        paper.paste(
            Image.fromarray(pixels), (left + (SIDE - width) // 2, top + (SIDE - height) // 2)
        )
        middle = (left + SIDE // 2, top + SIDE + TEXT // 2 + 1)
        draw.text(middle, picture.caption, fill=INK, font=font, anchor="mm")
    return np.asarray(paper)


def write_sheets(folder: Path, contents: Mapping[str, Sequence[Picture]]) -> None:
    """Write sheets as PNG, by their file names; all thumbnails are made by one pool."""
    small = thumbnails([picture for pictures in contents.values() for picture in pictures])
    for file, pictures in contents.items():
        png.write(folder / file, sheet(pictures, small))
