"""data/leave_out.csv: images that a person leaves out, one a line, `image,reason`.

An image is named by its path, of a photograph below gather.source or of a tile below
data/subimages, or by the SHA-256 of its file. People write it, with whatever program they like.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from stages.common import tables
from stages.common.errors import UserError

FILE = Path("data/leave_out.csv")
DELETED = Path("reports/deleted_tiles.csv")  # what was deleted by hand, in the same form


class LeftOut(NamedTuple):
    """A row of leave_out.csv."""

    image: str
    reason: str


def read(path: Path) -> list[LeftOut]:
    """Read the images that are left out; empty lines are none.

    Raises:
        UserError: where the file is missing, or a line is not `image,reason`.
    """
    fields = ",".join(LeftOut._fields)
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: make it, with the line `{fields}`") from None
    except csv.Error as error:
        raise UserError(f"{path}: {error}: mend its quotes, or write it anew") from None
    header = rows[0][1] if rows else []
    if tuple(header) != LeftOut._fields:
        raise UserError(f"{path}: the first line must be `{fields}`, got `{','.join(header)}`")
    for number, row in rows[1:]:
        if len(row) != len(LeftOut._fields) or not row[0]:
            raise UserError(
                f"{path}, line {number}: must be `{fields}`, got `{','.join(row)}`: put a cell "
                "that has a comma in it between quotes"
            )
    return [LeftOut(*row) for _, row in rows[1:]]


def add(path: Path, rows: Iterable[LeftOut]) -> list[LeftOut]:
    """Add images that are not in the file yet, which need not be there; gives those."""
    before = read(path) if path.is_file() else []
    named = {row.image for row in before}
    new = [row for row in rows if row.image not in named]
    if new:
        tables.write(path, LeftOut, [*before, *new])
    return new
