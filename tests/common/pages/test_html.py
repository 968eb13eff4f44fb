"""Pieces of the report's page, read back by a parser of HTML and of XML."""

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from stages.common.pages import html

scores = st.lists(st.floats(-1, 2).map(lambda x: round(x, 6) + 0.0), min_size=1, max_size=30)


def shown(piece: str, it: object) -> str:
    """What the macro of this name in pieces.html makes of a value."""
    macro = f'{{% import "pieces.html" as pieces %}}{{{{ pieces.{piece}(it) }}}}'
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
    made = shown("table", html.table(("file",), [(name,)]))
    assert Cells(made).rows == [["file"], ["caf\\udce9.jpg"]]
    assert made.encode().count(b"caf\\udce9.jpg") == 1


@given(scores, st.data())
def test_a_histogram_has_a_bar_for_every_score(every: list[float], data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(every), max_size=len(every)))
    kept = [score for score, keep in zip(every, mask, strict=True) if keep]
    figure = ElementTree.fromstring(shown("histogram", html.histogram(every, kept)))
    bars: dict[str | None, list[ElementTree.Element]] = {html.ALL: [], html.KEPT: []}
    for bar in figure.iter("rect"):
        bars[bar.get("fill")].append(bar)
        assert 0 <= float(bar.get("x", "-1")) <= html.WIDTH
        top, height = float(bar.get("y", "-1")), float(bar.get("height", "-1"))
        assert abs(top + height - html.HEIGHT) < 0.11  # they stand on the ground
        assert top >= 0
    tallest = max(float(bar.get("height", "0")) for bar in bars[html.ALL])
    assert abs(tallest - html.HEIGHT) < 0.06
    assert bool(bars[html.KEPT]) == bool(kept)
    ends = [text.text for text in figure.iter("text")]
    assert (ends[0], ends[-1]) == (f"{min(every):.3f}", f"{max(every):.3f}")


def test_a_histogram_counts() -> None:
    figure = ElementTree.fromstring(shown("histogram", html.histogram([0, 0, 0, 1], [0])))
    heights = [(bar.get("fill"), float(bar.get("height", "0"))) for bar in figure.iter("rect")]
    third = html.HEIGHT / 3
    assert heights == [(html.ALL, 170.0), (html.ALL, round(third, 1)), (html.KEPT, round(third, 1))]


def test_a_figure_escapes_its_names() -> None:
    made = shown("figure", html.Figure('a"b.png', "it's <this>"))
    assert '<img src="a&#34;b.png" alt="it&#39;s &lt;this&gt;">' in made
    assert Pictures(made).found == [('a"b.png', "it's <this>")]


class Pictures(HTMLParser):
    """The source and the text of every picture."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str | None, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append((dict(attrs)["src"], dict(attrs)["alt"]))


def test_a_template_that_lacks_a_value_ends() -> None:
    with pytest.raises(UndefinedError, match="'title' is undefined"):
        html.render("report.html")
