"""data/leave_out.csv: images that a person leaves out, one a line, `image,reason`.

An image is named by its path, of a photograph below gather.source or of a tile below
data/subimages, or by the SHA-256 that `sha256` of cutoff_images.csv, cutoff_subimages.csv has.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from stages.common import handwritten, tables
from stages.common.rows import Tile

FILE = Path("data/leave_out.csv")
SHA256 = re.compile(r"[0-9a-f]{64}").fullmatch
DELETED = Path("reports/deleted_tiles.csv")  # what was deleted by hand, in the same form


class LeftOut(NamedTuple):
    """A row of leave_out.csv."""

    image: str
    reason: str


def read(path: Path) -> list[LeftOut]:
    """Read the images that are left out.

    Raises:
        UserError: where the file is missing, or a line is not `image,reason`.
    """
    return handwritten.read(path, LeftOut)


def notes(
    rows: Iterable[LeftOut], is_photograph: Callable[[str], bool], subimages: Path
) -> list[str]:
    """What names no image of the last run, in a line; a hash is left to the stage that knows it.

    `is_photograph` says whether a path is one's; `subimages` is the table of tiles, if there is one
    yet.
    """
    unseen = [row.image for row in rows if not SHA256(row.image)]
    unseen = [image for image in unseen if not is_photograph(image)]
    if unseen and subimages.is_file():
        tiles = {tile.path for tile in tables.read(subimages, Tile)}
        unseen = [image for image in unseen if image not in tiles]
    if not unseen:
        return []
    return [
        f"{FILE} names {len(unseen):,} images that are no photograph and no tile of the last run, "
        f"as {unseen[0]}: check the spelling, or leave them"
    ]


def add(path: Path, rows: Iterable[LeftOut]) -> list[LeftOut]:
    """Add images that are not in the file yet, which need not be there; gives those."""
    before = read(path) if path.is_file() else []
    named = {row.image for row in before}
    new = [row for row in rows if row.image not in named]
    if new:
        tables.write(path, LeftOut, [*before, *new])
    return new
