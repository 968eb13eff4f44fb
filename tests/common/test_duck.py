"""DuckDB: tables come in as they were written, whatever is in their names, and in one order."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.common import duck, tables
from stages.common.duck import REAL, TEXT, Source
from stages.common.errors import UserError
from stages.common.surrogates import restored


class Row(NamedTuple):
    path: str
    unread: str
    value: float
    text: str


texts = st.text(st.sampled_from("a#'\",; \t\r\n\\N山\udce9\ue000\ue080"), max_size=5)
COLUMNS = {"text": TEXT, "path": TEXT, "value": REAL, "source": TEXT}


@settings(max_examples=25)
@given(st.lists(st.tuples(texts, texts, st.sampled_from([0.0, 0.5, -1.25]), texts), max_size=4))
def test_a_table_comes_in_as_it_was_written(drawn: list[tuple[str, str, float, str]]) -> None:
    rows = [Row(*values) for values in drawn]
    with TemporaryDirectory() as name:
        path = Path(name, "t.csv")
        tables.write(path, Row, rows)
        assert tables.read(path, Row) == rows
        with duck.opened(Path(name)) as (base, folder):
            is_escaped = duck.load(base, {"t": Source(path, COLUMNS, ("source",))}, folder)
            found = base.execute("SELECT * FROM t").fetchall()
    shown = restored if is_escaped else str
    assert [(shown(text), shown(of), value, "") for text, of, value, _ in found] == [
        (row.text, row.path, row.value, "") for row in rows
    ]
    assert all(source == "" for *_, source in found)


@pytest.mark.parametrize("size", [0, duck.SMALL + 1])
def test_a_folder_may_have_any_name(tmp_path: Path, size: int) -> None:
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    tables.write(folder / "t.csv", Row, [Row("a", "", 0.5, "\udce9")])
    with duck.opened(folder, size) as (base, own):
        assert duck.load(base, {"t": Source(folder / "t.csv", COLUMNS, ("source",))}, own)
        assert base.execute("SELECT text, path FROM t").fetchall() == [("\ue069", "a")]
    assert [path.name for path in folder.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("size", [0, duck.SMALL + 1])
def test_tables_are_sorted_as_another_one(tmp_path: Path, size: int) -> None:
    with duck.opened(tmp_path, size) as (base, _):
        base.execute("CREATE TABLE t AS SELECT * FROM (VALUES ('b'), ('a'), ('c')) x(path)")
        for rows, same, values in (
            ("('b', 1), ('a', 2), ('c', 3)", True, [1, 2, 3]),
            ("('a', 2), ('c', 3), ('b', 1)", True, [1, 2, 3]),
            ("('c', 3), ('b', 1)", False, [1, np.nan, 3]),
            ("('b', 1), ('a', 2), ('c', 3), ('d', 4)", False, [1, 2, 3]),
            ("('b', 1), ('a', 2), ('d', 4)", False, [1, 2, np.nan]),
        ):
            base.execute(f"CREATE OR REPLACE TABLE s AS SELECT * FROM (VALUES {rows}) x(path, n)")
            assert duck.align(base, "s", "t") == same
            assert np.array_equal(duck.column(base, "s", "n::DOUBLE"), values, equal_nan=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, duck.SMALL + 1])
def test_a_full_disk_is_told_as_one_and_no_table_is_called_damaged(
    tmp_path: Path, tiny_disk: Callable[[str], Path], size: int
) -> None:
    table, folder = tmp_path / "t.csv", tiny_disk("size=1m")
    tables.write(table, Row, (Row(f"{i:0100}", "", 0.5, "") for i in range(100_000)))
    with pytest.raises(UserError) as raised, duck.opened(folder, size) as (base, own):
        base.execute("SET memory_limit = '10MB'")
        duck.load(base, {"t": Source(table, COLUMNS, ("source",))}, own)
        base.execute("CREATE TABLE s AS SELECT * FROM t ORDER BY path DESC")
    assert str(raised.value).startswith(f"{folder}: no room for the tables that are sorted there (")
    assert str(raised.value).endswith("): free some space, or move the project to a larger disk")
    assert "\n" not in str(raised.value)
    assert list(folder.iterdir()) == []
