"""Tables: the rows that stages hand to each other, as CSV files that are sorted by the writer and
written whole.

A row type lists its columns once, with their types. A table may hold more columns than a reader
asks for: a stage that needs a path and a hash reads `Candidate`s from any table that has them.
Paths are relative to the folder they live in, with `/`; every image has its section, the first
folder of its path, `.` where there is none.
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


class Item(NamedTuple):
    """What the scorer needs of an image."""

    path: str
    sha256: str  # of the file
    width: int  # px, upright
    height: int
    pixels: str  # SHA-256 of the canonical pixels: the score is theirs, whatever the file


class Photograph(NamedTuple):
    """An image file: gathered_*.csv, and of those that may be used screened.csv."""

    path: str  # below gather.source, or below data/evaluation
    section: str
    sha256: str  # of the file
    width: int  # px, upright
    height: int
    bytes: int
    mode: str  # as stored: format and Pillow's mode, as in `JPEG RGB`
    pixels: str  # SHA-256 of the canonical pixels
    dhash: str  # 256-bit difference hash, hexadecimal


class Rejected(NamedTuple):
    """What a stage leaves out: rejected.csv, multiscale_rejected.csv, subimages_rejected.csv; and
    what the report shows of unreadable_images.csv."""

    path: str
    reason: str
    detail: str


class Unreadable(NamedTuple):
    """A file that is no image, or can't be read: unreadable_*.csv."""

    path: str  # below gather.source, or below data/evaluation
    reason: str
    detail: str
    bytes: int
    sha256: str  # of the file; empty where it was not read


class Score(NamedTuple):
    """data/scores/*.csv."""

    path: str
    sha256: str
    hyperiqa: float


class Candidate(NamedTuple):
    """What a cutoff needs of an image, beside its score."""

    path: str
    section: str
    sha256: str
    bytes: int


class Decision(NamedTuple):
    """A row of a cutoff: cutoff_images.csv, cutoff_subimages.csv."""

    rank: int  # 1 is the best of all
    path: str
    section: str
    sha256: str
    bytes: int
    hyperiqa: float
    kept: bool
    reason: str  # the first rule that it fails
    detail: str  # its value


class Collected(NamedTuple):
    """A kept photograph in canonical form: collected.csv."""

    path: str  # below data/hr
    section: str
    sha256: str  # of the file
    width: int
    height: int
    photograph: str  # its path below gather.source
    photograph_sha256: str


class Scaled(NamedTuple):
    """A photograph at one scale: multiscale.csv."""

    path: str  # below data/multiscale
    section: str
    sha256: str  # of the file
    scale: str  # `1`, `0.75`, or `512px` for the shortest edge
    width: int
    height: int
    photograph: str
    photograph_sha256: str


class Tile(NamedTuple):
    """A sub-image and where it was cut: subimages.csv."""

    path: str  # below data/subimages
    section: str
    sha256: str  # of the file
    pixels: str  # SHA-256 of the canonical pixels
    bytes: int
    parent: str  # below data/multiscale
    scale: str
    left: int  # box in the parent, px
    top: int
    width: int
    height: int
    photograph: str
    photograph_sha256: str


class Validation(NamedTuple):
    """A validation photograph at one of its sizes: validation.csv."""

    path: str  # below data/validation, as `hr/a-0123abcd.png`
    section: str
    sha256: str  # of the file
    scale: str  # `hr`, or `x2`, `x4`, ...: by how much it is downscaled
    width: int
    height: int
    hyperiqa: float  # of the photograph
    photograph: str
    photograph_sha256: str


class Lineage(NamedTuple):
    """Where an image of the released set comes from: lineage.csv."""

    name: str
    sha256: str  # of the file
    hyperiqa: float
    tile: str  # below data/subimages
    scale: str
    left: int
    top: int
    width: int
    height: int
    section: str
    photograph: str
    photograph_sha256: str


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
    """Read the columns that `row_type` names.

    Raises:
        UserError: where the file is missing, lacks a column or holds a value of another type.
    """
    hints = get_type_hints(row_type)
    parsers = [PARSERS.get(hints[name], hints[name]) for name in row_type._fields]
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            missing = [name for name in row_type._fields if name not in header]
            if missing:
                raise UserError(f"{path} lacks the columns {', '.join(missing)}: run `dvc repro`")
            columns = [header.index(name) for name in row_type._fields]
            return [
                row_type(*(parse(row[c]) for parse, c in zip(parsers, columns, strict=True)))
                for row in reader
            ]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`, which makes it") from None
    except (ValueError, KeyError, IndexError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run `dvc repro`") from None


def section_of(path: str) -> str:
    """First folder of a relative path, `.` where there is none."""
    first, slash, _ = path.partition("/")
    return first if slash else "."


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
