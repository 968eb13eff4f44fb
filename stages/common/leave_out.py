"""data/leave_out.csv: images that a person leaves out, one a line, `image,reason`.

An image is named by its path, of a photograph below gather.source or of a tile below
data/subimages, or by the SHA-256 of its file.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from stages.common import handwritten, tables

FILE = Path("data/leave_out.csv")
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


def add(path: Path, rows: Iterable[LeftOut]) -> list[LeftOut]:
    """Add images that are not in the file yet, which need not be there; gives those."""
    before = read(path) if path.is_file() else []
    named = {row.image for row in before}
    new = [row for row in rows if row.image not in named]
    if new:
        tables.write(path, LeftOut, [*before, *new])
    return new
