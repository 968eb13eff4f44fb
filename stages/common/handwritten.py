"""CSV files that people write, with whatever program they like."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from stages.common.errors import UserError

Row = TypeVar("Row", bound=NamedTuple)


def read(path: Path, row_type: type[Row]) -> list[Row]:
    """Read rows of text, of which the first column is not empty; empty lines are none.

    Raises:
        UserError: where the file is missing, or a line has not the columns of `row_type`.
    """
    fields = ",".join(row_type._fields)
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: make it, with the line `{fields}`") from None
    except csv.Error as error:
        raise UserError(f"{path}: {error}: mend its quotes, or write it anew") from None
    header = rows[0][1] if rows else []
    if tuple(header) != row_type._fields:
        raise UserError(f"{path}: the first line must be `{fields}`, got `{','.join(header)}`")
    for number, row in rows[1:]:
        if len(row) != len(row_type._fields) or not row[0]:
            raise UserError(
                f"{path}, line {number}: must be `{fields}`, got `{','.join(row)}`: put a cell "
                "that has a comma in it between quotes"
            )
    make: Callable[..., Row] = row_type
    return [make(*row) for _, row in rows[1:]]
