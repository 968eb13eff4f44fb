"""Contact sheets: small pictures in rows, each with its name and score below.

The pictures come from the sheets of thumbnails that stages have made on their way: no image is read
again.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stages.common import workers
from stages.common.errors import UserError
from stages.common.pages.thumbnails import COLUMNS as CELLS
from stages.common.pages.thumbnails import SIDE, Place
from stages.common.pixels import images, png
from stages.common.pixels.images import ImageError, Pixels

COLUMNS = 6
GAP = 10  # px
LINE = 15  # px, of text
STEP = SIDE + 2 * LINE + GAP  # px, from one row to the next
PAPER = (252, 251, 248)
INK, FAINT = (34, 38, 43), (95, 103, 114)


class Picture(NamedTuple):
    """A thumbnail and the two lines below it."""

    sheet: Path  # of thumbnails
    cell: int
    name: str
    note: str


def picture(folder: Path, place: Place, name: str, note: str) -> Picture:
    """A picture by the place of its thumbnail below the folder of the sheets."""
    return Picture(folder / place.sheet, place.cell, name, note)


def cells(wanted: tuple[Path, list[int]]) -> list[Pixels]:
    """Some cells of a sheet of thumbnails, (SIDE, SIDE, 3) each.

    Raises:
        UserError: where the sheet is missing, damaged or has no such cell.
    """
    path, numbers = wanted
    try:
        pixels = images.decode(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`, which makes it") from None
    except ImageError as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run `dvc repro`") from None
    found = []
    for number in numbers:
        top, left = number // CELLS * SIDE, number % CELLS * SIDE
        cell = pixels[top : top + SIDE, left : left + SIDE]
        if cell.shape != (SIDE, SIDE, 3):
            raise UserError(f"{path} has no picture {number}: delete it and run `dvc repro`")
        found.append(cell)
    return found


def thumbnails(pictures: Sequence[Picture]) -> dict[tuple[Path, int], Pixels]:
    """Each picture's thumbnail by its place; a sheet is read once."""
    wanted: dict[Path, set[int]] = defaultdict(set)
    for it in pictures:
        wanted[it.sheet].add(it.cell)
    tasks = [(path, sorted(numbers)) for path, numbers in sorted(wanted.items())]
    found = zip(tasks, workers.ordered_map(cells, tasks), strict=True)
    return {
        (path, number): cell
        for (path, numbers), some in found
        for number, cell in zip(numbers, some, strict=True)
    }


def fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, with an ellipsis for its middle where it is too wide; px."""
    text = text.encode("utf-8", errors="backslashreplace").decode()
    if font.getlength(text) <= width:
        return text
    for removed in range(2, len(text)):
        half = (len(text) - removed) // 2
        short = f"{text[: len(text) - removed - half]}…{text[len(text) - half :]}"
        if font.getlength(short) <= width:
            return short
    return "…"


def size(pictures: int) -> tuple[int, int]:
    """Width and height of the sheet of so many pictures, px."""
    columns, rows = min(COLUMNS, pictures), -(-pictures // COLUMNS)
    return GAP + columns * (SIDE + GAP), GAP + rows * STEP


def sheet(pictures: Sequence[Picture], small: Mapping[tuple[Path, int], Pixels]) -> Pixels:
    """Lay pictures out row by row; at least one."""
    font = ImageFont.load_default(11)
    paper = Image.new("RGB", size(len(pictures)), PAPER)
    draw = ImageDraw.Draw(paper)
    for i, it in enumerate(pictures):
        left, top = GAP + i % COLUMNS * (SIDE + GAP), GAP + i // COLUMNS * STEP
        paper.paste(Image.fromarray(small[it.sheet, it.cell]), (left, top))
        for line, (text, ink) in enumerate(((it.name, INK), (it.note, FAINT))):
            middle = (left + SIDE // 2, top + SIDE + LINE * line + LINE // 2 + 2)
            draw.text(middle, fitted(text, font, SIDE), fill=ink, font=font, anchor="mm")
    return np.asarray(paper)


def write_sheets(folder: Path, contents: Mapping[str, Sequence[Picture]]) -> None:
    """Write sheets as PNG, by their file names; each sheet of thumbnails is read once."""
    small = thumbnails([picture for pictures in contents.values() for picture in pictures])
    for file, pictures in contents.items():
        png.write(folder / file, sheet(pictures, small))
