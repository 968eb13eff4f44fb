"""Web pages that need nothing beside them but pictures: what the templates in templates/ show.

A template gets values that are ready to be shown, and escapes all of them; a value that is missing
there ends the stage.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEMPLATES.filters["count"] = "{:,}".format
TEMPLATES.filters["score"] = "{:.4f}".format
WIDTH, HEIGHT, FOOT, BINS = 720, 170, 22, 60  # of a histogram, px and bars
ALL, KEPT = "#c9ced6", "#2f6f9f"


class Table(NamedTuple):
    """A table whose cells are text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]  # each as long as the header
    numeric: Sequence[bool]  # by column: all of its cells are numbers


class Figure(NamedTuple):
    """A picture beside the page."""

    source: str  # relative path
    caption: str


class Bar(NamedTuple):
    """A bar of a histogram, px from its left and its top."""

    left: float
    top: float
    width: float
    height: float
    colour: str


class Label(NamedTuple):
    """A score below a histogram, px from its left."""

    left: float
    anchor: str  # start, middle or end: which part of the text stands there
    score: float


class Histogram(NamedTuple):
    """A histogram of scores, `WIDTH` x (`HEIGHT` + `FOOT`) px."""

    bars: Sequence[Bar]
    labels: Sequence[Label]
    size: tuple[int, int, int] = (WIDTH, HEIGHT, FOOT)
    colours: tuple[str, str] = (ALL, KEPT)


def render(template: str, **values: Any) -> str:
    """A template of templates/, filled in with what it names.

    Raises:
        jinja2.UndefinedError: where a value that it names is not given.
    """
    return TEMPLATES.get_template(template).render(values)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Cells are text, or numbers: floats with four decimals, whole numbers with separators."""
    body = [list(row) for row in rows]
    numeric = [
        bool(body) and all(isinstance(row[i], int | float) for row in body)
        for i in range(len(header))
    ]
    return Table(header, [[_text(cell) for cell in row] for row in body], numeric)


def histogram(every: Sequence[float], kept: Sequence[float]) -> Histogram:
    """How many images have which score, and how many of them are kept; at least one image."""
    low, high = min(every), max(every)
    edges = np.linspace(low, high if high > low else low + 1e-3, BINS + 1)
    counts = np.histogram(every, edges)[0]
    kept_counts = np.histogram(kept, edges)[0]
    unit = HEIGHT / counts.max()
    step = WIDTH / BINS
    bars = [
        Bar(i * step, HEIGHT - n * unit, step - 1, n * unit, colour)
        for colour, series in ((ALL, counts), (KEPT, kept_counts))
        for i, n in enumerate(series.tolist())
        if n
    ]
    places = ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1, "end"))
    labels = [Label(s * WIDTH, anchor, low + s * (high - low)) for s, anchor in places]
    return Histogram(bars, labels)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.4f}"
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return text.encode("utf-8", errors="backslashreplace").decode()
