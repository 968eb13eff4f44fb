"""Tables in DuckDB: loaded, sorted and joined in bounded memory, in a stated order.

What it can't hold in `MEMORY` it writes to a folder that is gone at the end. It takes no text that
is not UTF-8: where a table has some, all are read in a form of their own (surrogates.py).
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from os import sched_getaffinity
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import duckdb
import numpy as np

from stages.common import surrogates
from stages.common.errors import UserError

MEMORY = "256MB"  # that DuckDB may use, beside what Python holds
SMALL = 1 << 26  # bytes of tables that need no file: that takes longer, but less memory
THREADS = 4  # at most: each needs memory of its own
TEXT, WHOLE, REAL = "VARCHAR", "BIGINT", "DOUBLE"

Base = duckdb.DuckDBPyConnection


class Source(NamedTuple):
    """A CSV file, and the columns that are read from it."""

    path: Path
    columns: Mapping[str, str]  # their types
    newer: tuple[str, ...] = ()  # columns that some sets lack: empty texts there


@contextmanager
def opened(folder: Path, size: int = 0) -> Iterator[tuple[Base, Path]]:
    """An empty database for tables of about so many bytes, and its folder in another one; both are
    gone at the end.

    Raises:
        UserError: where the disk has no room for it, then or later.
    """
    with ExitStack() as stack, _room_in(folder):
        made = TemporaryDirectory(dir=folder, prefix=".duckdb-", ignore_cleanup_errors=True)
        own = Path(stack.enter_context(made))
        if not surrogates.is_valid(str(own)):
            link = Path(stack.enter_context(TemporaryDirectory()), "tables")
            link.symlink_to(own.absolute())
            own = link
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY,
            "threads": min(THREADS, len(sched_getaffinity(0))),
            "temp_directory": str(own),
            "preserve_insertion_order": True,
            "autoload_known_extensions": False,
        }
        place = ":memory:" if size <= SMALL else str(own / "tables.duckdb")
        yield stack.enter_context(closing(duckdb.connect(place, config=settings))), own


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    """Tell a full or failing disk as what it is; no table is at fault."""
    try:
        yield
    except duckdb.OperationalError as error:
        why = str(error).splitlines()[0]
        raise UserError(
            f"{folder}: no room for the tables that are sorted there ({why}): free some space, or "
            "move the project to a larger disk"
        ) from None


def load(base: Base, sources: Mapping[str, Source], folder: Path) -> bool:
    """Load files as tables of these names, and say whether their texts had to be escaped.

    Raises:
        UserError: where a file is missing, lacks a column or is damaged; also by a number that is
            missing or not finite.
    """
    failed = None
    for name, source in sources.items():
        try:
            _load(base, name, source, source.path, folder)
        except duckdb.OperationalError:
            raise  # of the disk: see `opened`
        except duckdb.Error as error:
            failed = failed or (source.path, error)
    if failed is None:
        _check_numbers(base, sources)
        return False
    if all(surrogates.is_utf8(source.path) for source in sources.values()):
        raise _damaged(*failed)
    for name, source in sources.items():
        copy = folder / f"{name}.csv"
        surrogates.copy(source.path, copy)
        try:
            _load(base, name, source, copy, folder)
        except duckdb.OperationalError:
            raise
        except duckdb.Error as error:
            raise _damaged(source.path, error) from None
        copy.unlink()
    _check_numbers(base, sources)
    return True


def _check_numbers(base: Base, sources: Mapping[str, Source]) -> None:
    """A cell without a number would be ranked, counted or left out of a line: none may be so."""
    for name, source in sources.items():
        for column in (column for column, kind in source.columns.items() if kind != TEXT):
            found = base.execute(
                f"""SELECT rowid + 1 FROM {name}
                WHERE "{column}" IS NULL OR NOT isfinite("{column}"::DOUBLE) LIMIT 1"""
            ).fetchone()
            if found:
                why = f"row {found[0]:,} has no finite number in `{column}`"
                raise UserError(f"{source.path} is damaged ({why}): delete it and run `dvc repro`")


def _damaged(path: Path, error: duckdb.Error) -> UserError:
    why = " ".join(str(error).splitlines()[:2])
    return UserError(f"{path} is damaged ({why}): delete it and run `dvc repro`")


def _load(base: Base, name: str, source: Source, path: Path, folder: Path) -> None:
    header = _header(path)
    if not surrogates.is_valid(str(path)):
        link = folder / f"{name}.link"
        link.symlink_to(path.absolute())
        path = link
    missing = [c for c in source.columns if c not in header and c not in source.newer]
    if missing:
        raise UserError(f"{source.path} lacks the columns {', '.join(missing)}: run `dvc repro`")
    types = {column: source.columns.get(column, TEXT) for column in header}
    base.execute(
        f"""CREATE OR REPLACE TABLE {name} AS
        SELECT {", ".join(_taken(column, header, types) for column in source.columns)}
        FROM read_csv($1, auto_detect = false, header = true, delim = ',', quote = '"',
        escape = '"', columns = {types})""",
        [str(path)],
    )


def _taken(column: str, header: Sequence[str], types: Mapping[str, str]) -> str:
    """SQL for a column. An empty cell is an empty text: not by `force_not_null`, which goes by the
    wrong places where not all columns are read."""
    if column not in header:
        return f"'' AS \"{column}\""
    return f'coalesce("{column}", \'\') AS "{column}"' if types[column] == TEXT else f'"{column}"'


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return next(csv.reader(file), [])
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`, which makes it") from None


def align(base: Base, name: str, to: str) -> bool:
    """Sort a table as another one by their paths, where it is not sorted so; whether both have the
    same ones. A path that only the other has gives a row of nulls."""
    same = base.execute(
        f"""SELECT count(*) FILTER (WHERE {name}.path IS DISTINCT FROM {to}.path) = 0
        FROM {to} POSITIONAL JOIN {name}"""
    ).fetchall()[0][0]
    counts = f"SELECT (SELECT count(*) FROM {name}), (SELECT count(*) FROM {to})"
    own, others = base.execute(counts).fetchall()[0]
    if same and own == others:
        return True
    base.execute(
        f"""CREATE OR REPLACE TABLE {name} AS SELECT {name}.* FROM {to} LEFT JOIN {name}
        USING (path) ORDER BY {to}.rowid"""
    )
    found, rows = base.execute(f"SELECT count(path), count(*) FROM {name}").fetchall()[0]
    return bool(own == others == found == rows)


def column(base: Base, table: str, expression: str, order: str = "") -> "np.ndarray[Any, Any]":
    """A column of numbers, in the table's order or another; nan stands for null."""
    sorted_by = f"ORDER BY {order}" if order else ""
    found = base.execute(f"SELECT {expression} AS x FROM {table} {sorted_by}").fetchnumpy()["x"]
    return found.filled(np.nan) if isinstance(found, np.ma.MaskedArray) else found


def number(base: Base, table: str, into: str, columns: Sequence[str]) -> None:
    """Number the different texts of some columns in a new table: `id`, from 0, and these."""
    listed = ", ".join(columns)
    base.execute(
        f"""CREATE TABLE {into} AS SELECT (row_number() OVER () - 1)::INTEGER AS id, {listed}
        FROM (SELECT DISTINCT {listed} FROM {table})"""
    )


def texts(base: Base, table: str, column: str) -> list[str]:
    """A column of texts, in the order of `id`."""
    found = base.execute(f"SELECT {column} FROM {table} ORDER BY id").fetchall()
    return [text for (text,) in found]
