"""Pieces of the report's page, read back by a parser of HTML and of XML."""

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from stages.common.pages import page

scores = st.lists(st.floats(-1, 2).map(lambda x: round(x, 6) + 0.0), min_size=1, max_size=30)


class Cells(HTMLParser):
    """The text of every cell of a table, row by row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(html)

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
    shown = Cells(page.table(header, rows)).rows
    assert shown[0] == list(header)
    assert shown[1:] == [[name, f"{n:,}", f"{share:.4f}"] for name, n, share in rows]


def test_columns_of_numbers_alone_stand_to_the_right() -> None:
    html = page.table(("name", "n", "mixed"), [("a", 1, 2), ("b", 2, "none")])
    assert re.findall('class="number">([^<]*)', html) == ["n", "1", "2"]


def test_a_name_that_is_not_utf_8_can_be_shown_and_encoded() -> None:
    name = b"caf\xe9.jpg".decode(errors="surrogateescape")
    html = page.table(("file",), [(name,)])
    assert Cells(html).rows == [["file"], ["caf\\udce9.jpg"]]
    assert page.page("title", [html]).encode().count(b"caf\\udce9.jpg") == 1


@given(scores, st.data())
def test_a_histogram_has_a_bar_for_every_score(every: list[float], data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(every), max_size=len(every)))
    kept = [score for score, keep in zip(every, mask, strict=True) if keep]
    figure = ElementTree.fromstring(page.histogram(every, kept))
    bars: dict[str | None, list[ElementTree.Element]] = {page.ALL: [], page.KEPT: []}
    for bar in figure.iter("rect"):
        bars[bar.get("fill")].append(bar)
        assert 0 <= float(bar.get("x", "-1")) <= page.WIDTH
        top, height = float(bar.get("y", "-1")), float(bar.get("height", "-1"))
        assert abs(top + height - page.HEIGHT) < 0.11  # they stand on the ground
        assert top >= 0
    tallest = max(float(bar.get("height", "0")) for bar in bars[page.ALL])
    assert abs(tallest - page.HEIGHT) < 0.06
    assert bool(bars[page.KEPT]) == bool(kept)
    ends = [text.text for text in figure.iter("text")]
    assert (ends[0], ends[-1]) == (f"{min(every):.3f}", f"{max(every):.3f}")


def test_a_histogram_counts() -> None:
    figure = ElementTree.fromstring(page.histogram([0, 0, 0, 1], [0]))
    heights = [(bar.get("fill"), float(bar.get("height", "0"))) for bar in figure.iter("rect")]
    third = page.HEIGHT / 3
    assert heights == [(page.ALL, 170.0), (page.ALL, round(third, 1)), (page.KEPT, round(third, 1))]


def test_a_page_is_a_whole_document_that_loads_nothing() -> None:
    html = page.page("Faces & <places>", ["<p>one</p>", page.figure('a"b.png', "it's <this>")])
    assert html.startswith("<!doctype html>\n")
    assert html.endswith("</html>\n")
    assert "<title>Faces &amp; &lt;places&gt;</title>" in html
    assert '<img src="a&quot;b.png" alt="it&#x27;s &lt;this&gt;">' in html
    assert re.findall(r"https?:|<script|@import|<link", html) == []
