"""Tables: what is written is what is read, whatever the files are called."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common import tables
from stages.common.errors import UserError
from stages.common.rows import Item, Rejected, Score, section_of
from tests.strategies import file_names, paths, sections, sha256


class Mixed(NamedTuple):
    """One column of each type that a table can have."""

    path: str
    count: int
    score: float
    kept: bool


rows = st.lists(
    st.builds(
        Mixed,
        paths,
        st.integers(-(10**9), 10**12),
        st.integers(-(10**6), 10**6).map(lambda n: n / 10**6),
        st.booleans(),
    )
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "new folder" / "table.csv"


@given(rows)
def test_rows_come_back_the_same(table: Path, rows: list[Mixed]) -> None:
    tables.write(table, Mixed, rows)
    assert tables.read(table, Mixed) == rows


@given(st.text(st.characters(exclude_characters="\0")), file_names)
def test_any_text_comes_back_the_same(table: Path, detail: str, name: str) -> None:
    rows = [Rejected(name, name, name), Rejected("a", clean(detail), clean(detail))]
    tables.write(table, Rejected, rows)
    assert tables.read(table, Rejected) == rows


def clean(text: str) -> str:
    """Without lone surrogates, which no decoder gives."""
    return text.encode("utf-8", "ignore").decode()


@pytest.mark.parametrize("name", ["a\rb.jpg", "a\r\nb.jpg", "a\nb.jpg", 'a"b,c.jpg', " a ", "\r"])
def test_odd_names_stay_in_their_cell(table: Path, name: str) -> None:
    rows = [Rejected(name, "excluded", ""), Rejected("b", name, name)]
    tables.write(table, Rejected, rows)
    assert tables.read(table, Rejected) == rows


def test_the_text_of_a_table(table: Path) -> None:
    raw = "faces/caf\udce9.jpg"  # the name's byte is E9: Latin 1, not UTF-8
    tables.write(table, Mixed, [Mixed(raw, 3, 0.5, True), Mixed("山,1.jpg", -1, 1 / 3, False)])
    assert table.read_bytes().split(b"\n") == [
        b"path,count,score,kept",
        b"faces/caf\xe9.jpg,3,0.500000,yes",
        b'"\xe5\xb1\xb1,1.jpg",-1,0.333333,no',
        b"",
    ]


def test_a_table_may_hold_more_columns_in_another_order(table: Path) -> None:
    table.write_text("width,extra,path,height,sha256,pixels\n4,x,a.png,3,00ff,11\n")
    assert tables.read(table, Item) == [Item("a.png", "00ff", 4, 3, "11")]


def test_no_rows_is_a_table_too(table: Path) -> None:
    tables.write(table, Score, [])
    assert (table.read_text(), tables.read(table, Score)) == ("path,sha256,hyperiqa\n", [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "lacks the columns path, sha256, hyperiqa: run `dvc repro`"),
        ("path,score\na,1\n", "lacks the columns sha256, hyperiqa: run `dvc repro`"),
        (
            "path,sha256,hyperiqa\na,ff,high\n",
            "is damaged (could not convert string to float: 'high'): delete it and run `dvc repro`",
        ),
        (
            "path,sha256,hyperiqa\na,ff\n",
            "is damaged (list index out of range): delete it and run `dvc repro`",
        ),
    ],
)
def test_a_bad_table_is_told_in_one_line(table: Path, content: str, message: str) -> None:
    table.write_text(content)
    with pytest.raises(UserError) as raised:
        tables.read(table, Score)
    assert str(raised.value) == f"{table} {message}"


def test_a_table_with_binary_rubbish_is_damaged(table: Path) -> None:
    table.write_bytes(b'path,sha256,hyperiqa\n"' + b"\xff\0" * 200_000)
    with pytest.raises(UserError) as raised:
        tables.read(table, Score)
    assert "is damaged" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_wrong_yes_or_no_is_told(table: Path) -> None:
    table.write_text("path,count,score,kept\na,1,0.5,True\n")
    with pytest.raises(UserError) as raised:
        tables.read(table, Mixed)
    assert str(raised.value) == f"{table} is damaged ('True'): delete it and run `dvc repro`"


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        tables.read(tmp_path / "none.csv", Score)
    message = f"{tmp_path / 'none.csv'} is missing: run `dvc repro`, which makes it"
    assert str(raised.value) == message


@given(sections, file_names)
def test_the_section_is_the_first_folder(section: str, name: str) -> None:
    assert section_of(name if section == "." else f"{section}/{name}") == section
    assert section_of(f"{section}/deeper/{name}") == section


@given(st.dictionaries(sha256, st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_are_json(table: Path, numbers: dict[str, object]) -> None:
    tables.write_numbers(table.with_suffix(".json"), numbers)
    text = table.with_suffix(".json").read_text()
    assert (json.loads(text), text[-1]) == (numbers, "\n")
