"""Pieces of a web page that needs nothing beside it: tables and histograms as HTML and SVG."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1120px; margin: 2rem auto;
       padding: 0 1rem; background: #fafaf8; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; border-bottom: 1px solid #bbb; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } figure { margin: 1rem 0; } figcaption { color: #666; }
.side { display: flex; flex-wrap: wrap; gap: 3rem; }
"""
WIDTH, HEIGHT, FOOT, BINS = 720, 170, 22, 60  # of a histogram, px and bars
ALL, KEPT = "#c9ced6", "#2f6f9f"


def page(title: str, parts: Iterable[str]) -> str:
    """A whole HTML document."""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>'
        f"\n<style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</html>\n"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells are text, or numbers: floats with four decimals, whole numbers with separators."""
    body = [list(row) for row in rows]
    numeric = [
        bool(body) and all(isinstance(row[i], int | float) for row in body)
        for i in range(len(header))
    ]
    lines = [_row("th", header, numeric)]
    lines += [_row("td", [_text(cell) for cell in row], numeric) for row in body]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def figure(source: str, caption: str) -> str:
    """A picture beside the page, by its relative path."""
    text = escape(caption)
    return (
        f'<figure><figcaption>{text}</figcaption><img src="{escape(source)}" alt="{text}"></figure>'
    )


def histogram(every: Sequence[float], kept: Sequence[float]) -> str:
    """How many images have which score, and how many of them are kept."""
    low, high = min(every), max(every)
    edges = np.linspace(low, high if high > low else low + 1e-3, BINS + 1)
    counts = np.histogram(every, edges)[0]
    kept_counts = np.histogram(kept, edges)[0]
    unit = HEIGHT / counts.max()
    bar = WIDTH / BINS
    shapes = [
        f'<rect x="{i * bar:.1f}" y="{HEIGHT - n * unit:.1f}" width="{bar - 1:.1f}"'
        f' height="{n * unit:.1f}" fill="{colour}"/>'
        for colour, series in ((ALL, counts), (KEPT, kept_counts))
        for i, n in enumerate(series.tolist())
        if n
    ]
    labels = [
        f'<text x="{share * WIDTH:.0f}" y="{HEIGHT + 16}" text-anchor="{anchor}">'
        f"{low + share * (high - low):.3f}</text>"
        for share, anchor in ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"))
    ] + [f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{high:.3f}</text>']
    return (
        f'<figure><figcaption>HyperIQA: all <span style="color:{ALL}">&#9632;</span>, kept '
        f'<span style="color:{KEPT}">&#9632;</span></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" width="{WIDTH}" font-size="12" fill="#666">'
        + "".join(shapes + labels)
        + "</svg></figure>"
    )


def _row(tag: str, cells: Sequence[object], numeric: Sequence[bool]) -> str:
    return (
        "<tr>"
        + "".join(
            f'<{tag} class="number">{escape(str(c))}</{tag}>'
            if n
            else f"<{tag}>{escape(str(c))}</{tag}>"
            for c, n in zip(cells, numeric, strict=True)
        )
        + "</tr>"
    )


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.4f}"
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return text.encode("utf-8", errors="backslashreplace").decode()
