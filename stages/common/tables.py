"""Tables: the rows that stages hand to each other, as CSV files that are sorted by the writer and
written whole.

The types of their rows are in rows.py.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

from stages.common import files
from stages.common.errors import UserError

Row = TypeVar("Row", bound=NamedTuple)
FORMATS: dict[Any, Callable[[Any], str]] = {
    float: lambda x: f"{x:.6f}",
    bool: lambda x: "yes" if x else "no",
}
PARSERS: dict[Any, Callable[[str], Any]] = {bool: lambda text: {"yes": True, "no": False}[text]}


def write(path: Path, row_type: type[Row], rows: Iterable[Row]) -> None:
    """Write rows as CSV."""
    files.write(path, content(row_type, rows))


def content(row_type: type[Row], rows: Iterable[Row]) -> bytes:
    """Rows as CSV: floats with 6 decimals; names that are not UTF-8 keep their bytes."""
    hints = get_type_hints(row_type)
    formats = [FORMATS.get(hints[name], str) for name in row_type._fields]
    csv_file = io.BytesIO()  # a million rows as one string each would need several times as much
    csv_file.write((",".join(row_type._fields) + "\n").encode())
    for row in rows:
        line = ",".join([quoted(f(x)) for f, x in zip(formats, row, strict=True)]) + "\n"
        csv_file.write(line.encode("utf-8", errors="surrogateescape"))
    return csv_file.getvalue()


SPECIAL = re.compile(r'[",\r\n]').search


def quoted(text: str) -> str:
    """A cell as CSV. Not by `csv`, which before Python 3.13 leaves a carriage return bare."""
    if SPECIAL(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def read(path: Path, row_type: type[Row]) -> list[Row]:
    """Read the columns that `row_type` names; the last ones, where they have a default, need not be
    there: they are newer than some sets that are read.

    Raises:
        UserError: where the file is missing, lacks a column or holds a value of another type.
    """
    hints = get_type_hints(row_type)
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            fields = list(row_type._fields)
            while fields[-1] not in header and fields[-1] in row_type._field_defaults:
                del fields[-1]
            missing = [name for name in fields if name not in header]
            if missing:
                raise UserError(f"{path} lacks the columns {', '.join(missing)}: run `dvc repro`")
            columns = [header.index(name) for name in fields]
            parsers = [PARSERS.get(hints[name], hints[name]) for name in fields]
            return [
                row_type(*(parse(row[c]) for parse, c in zip(parsers, columns, strict=True)))
                for row in reader
            ]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`, which makes it") from None
    except (ValueError, KeyError, IndexError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run `dvc repro`") from None


def mean(scores: Sequence[float]) -> float:
    """The mean of scores, at least one, with six decimals as tables have them. Exact: a sum of
    whole millionths."""
    return round(sum(round(score * 1e6) for score in scores) / len(scores) / 1e6, 6)


def read_numbers(path: Path) -> dict[str, Any]:
    """Read what a stage has counted.

    Raises:
        UserError: where the file is missing or no JSON object.
    """
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`, which makes it") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run `dvc repro`") from None
    if not isinstance(numbers, dict):
        raise UserError(f"{path} is damaged (no object): delete it and run `dvc repro`")
    return numbers


def write_numbers(path: Path, numbers: Mapping[str, object]) -> None:
    """Write what a stage has counted as JSON."""
    files.write(path, numbers_content(numbers))


def numbers_content(numbers: Mapping[str, object]) -> bytes:
    """What a stage has counted as JSON."""
    return (json.dumps(numbers, indent=2) + "\n").encode()
