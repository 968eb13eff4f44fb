"""Pieces of the report's page, read back by a parser of HTML."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from stages.common.pages import html


def shown(piece: str, it: object) -> str:
    """What the macro of this name in pieces.html makes of a value."""
    macro = f'{{% import "pieces.html" as pieces %}}{{{{ pieces.{piece}(it, "a list") }}}}'
    return html.TEMPLATES.from_string(macro).render(it=it)


class Cells(HTMLParser):
    """The text of every cell of a table, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


@given(st.lists(st.tuples(st.text("a<>&\"'é山 ", min_size=1), st.integers(), st.floats(0, 1))))
def test_a_table_shows_its_cells(rows: list[tuple[str, int, float]]) -> None:
    header = ("name & <kind>", "n", "share")
    cells = Cells(shown("table", html.table(header, rows))).rows
    assert cells[0] == list(header)
    assert cells[1:] == [[name, f"{n:,}", f"{share:.4f}"] for name, n, share in rows]


def test_columns_of_numbers_alone_stand_to_the_right() -> None:
    made = shown("table", html.table(("name", "n", "mixed"), [("a", 1, 2), ("b", 2, "none")]))
    assert re.findall('class="number">([^<]*)', made) == ["n", "1", "2"]


def test_a_name_that_is_not_utf_8_can_be_shown_and_encoded() -> None:
    name = b"caf\xe9.jpg".decode(errors="surrogateescape")
    made = shown("table", html.table((name,), [(name,)]))
    assert Cells(made).rows == [["caf\\udce9.jpg"], ["caf\\udce9.jpg"]]
    assert made.encode().count(b"caf\\udce9.jpg") == 2


def test_data_for_scripts_can_hold_anything() -> None:
    value = {"</script>": ["<!--", b"caf\xe9".decode(errors="surrogateescape"), "🏔", 0.5, None]}
    made = html.script_data(value)
    assert "<" not in made
    assert json.loads(made) == value
    assert made.isascii()


def test_a_template_that_lacks_a_value_ends() -> None:
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        html.render("report.html")
