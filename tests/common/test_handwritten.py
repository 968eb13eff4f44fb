"""Tables that people write are read whole, or their fault is told."""

from pathlib import Path
from typing import NamedTuple

import pytest

from stages.common import handwritten
from stages.common.errors import UserError


class Pair(NamedTuple):
    first: str
    second: str


def test_what_programs_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(
        '\ufefffirst,second\r\n"a, b", c \r\n\r\nü \udcff,\r\n'.encode(errors="surrogateescape")
    )
    assert handwritten.read(path, Pair) == [Pair("a, b", "c"), Pair("ü \udcff", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": the first line must be `first,second`, got ``"),
        ("first\na\n", ": the first line must be `first,second`, got `first`"),
        (
            "first,second\na,b\n,c\n",
            ", line 3: must be `first,second`, got `,c`: put a cell that has a comma in it between "
            "quotes",
        ),
        (
            "first,second\na,b,c\n",
            ", line 2: must be `first,second`, got `a,b,c`: put a cell that has a comma in it "
            "between quotes",
        ),
    ],
)
def test_a_fault_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(UserError) as raised:
        handwritten.read(path, Pair)
    assert str(raised.value) == f"{path}{message}"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        handwritten.read(tmp_path / "t.csv", Pair)
    assert str(raised.value) == (
        f"{tmp_path / 't.csv'} is missing: make it, with the line `first,second`"
    )
