"""Web pages that need nothing beside them but pictures: what the templates in templates/ show.

A template gets values that are ready to be shown, and escapes all of them; a value that is missing
there ends the stage. Styles and scripts are files of templates/, put into the page.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup


class Table(NamedTuple):
    """A table whose cells are text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]  # each as long as the header
    numeric: Sequence[bool]  # by column: all of its cells are numbers


class Figure(NamedTuple):
    """A picture beside the page."""

    source: str  # relative path
    caption: str
    size: tuple[int, int]  # width and height, px


def shown(text: str) -> str:
    """A text that a page can hold, whatever bytes a name has."""
    return text.encode("utf-8", errors="backslashreplace").decode()


def script_data(value: object) -> Markup:
    """A value as JSON that can stand between `<script>` and `</script>`: in ASCII, so that names
    which are not UTF-8 keep their bytes, and with no `<`."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))


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
TEMPLATES.filters["shown"] = shown


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
    return Table([*map(shown, header)], [[_text(cell) for cell in row] for row in body], numeric)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.4f}"
    return f"{cell:,}" if isinstance(cell, int) else shown(str(cell))
