"""Charts of scores, by matplotlib: as PNG for `dvc plots`, as SVG for the report.

The same scores give the same bytes. In the SVG, colours are variables of the page's style, so that
it follows light and dark, and the cut is left out: the page draws it, and lets it be dragged. Where
the axes lie within a picture is `BOX`, for that.
"""

import io
import re
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from stages.common.columns import Codes, Columns, Mask

WIDTH, HEIGHT, DPI = 4.6, 2.5, 150  # inches of a chart; SVG has 72 px an inch
BOX = (0.12, 0.15, 0.85, 0.79)  # of the axes: left, bottom, width, height; shares of the picture
BINS, POINTS = 60, 500
MOST, ACROSS, ROW = 24, 4, 1.5  # sections drawn, side by side, inches of a row
INK, GRID, ALL, KEPT, CUT = "#5a626c", "#e3e1db", "#c5ccd4", "#2a7a94", "#c2531b"
PAPER = "#fcfbf8"
VARIABLES = {INK: "--muted", GRID: "--rule", ALL: "--all", KEPT: "--kept", CUT: "--cut"}
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
}

UNDATED = {"Date": None, "Creator": None}

Scores = NDArray[np.float64]


class Chart(NamedTuple):
    """A picture in both forms."""

    svg: str
    png: bytes


def charts(c: Columns, kept: Mask) -> dict[str, Chart]:
    """Of decided images, best first, at least one: `histogram` and `curve`, and where there are
    several sections, `sections`."""
    every = c.hyperiqa
    ranks = np.flatnonzero(kept) + 1
    found = {"histogram": histogram(every, every[kept]), "curve": curve(every, ranks)}
    if len(c.sections) > 1:
        found["sections"] = by_section(every, kept, c.section, c.sections)
    return found


def histogram(every: Scores, kept: Scores) -> Chart:
    """How many images have which score, before and after the cut."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, HEIGHT), dpi=DPI)
        axes = figure.add_axes(BOX)
        draw_histogram(axes, every, kept, bounds(every))
        cut = axes.axvline(kept.min(), color=CUT) if kept.size else None
        return saved(figure, "histogram", [cut] if cut else [])


def measure(name: str, every: Scores, kept: Scores, limits: tuple[float, float]) -> str:
    """How many images have which value of a measure, before and after the cut: SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, HEIGHT), dpi=DPI)
        draw_histogram(figure.add_axes(BOX), every, kept, limits)
        return saved(figure, name, []).svg


def curve(every: Scores, ranks: NDArray[np.intp]) -> Chart:
    """Scores from the best to the worst; and those of the kept ones, of these `ranks` from 1."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, HEIGHT), dpi=DPI)
        axes = figure.add_axes(BOX)
        for some, colour, look in (
            (np.arange(every.size) + 1, ALL, "-"),
            (ranks, KEPT, "|"),  # not joined: between them are some that a rule drops
        ):
            at = np.unique(np.linspace(0, max(0, some.size - 1), POINTS).astype(int))
            shown = some[at[: some.size]]
            axes.plot(shown, every[shown - 1], look, color=colour, linewidth=2, markersize=5)
        axes.set_xlim(0, every.size)
        axes.set_ylim(*bounds(every))
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(lambda rank, _: f"{rank:,.0f}")
        axes.yaxis.set_major_locator(MaxNLocator(5))
        cut = axes.axvline(ranks.max(), color=CUT) if ranks.size else None
        return saved(figure, "curve", [cut] if cut else [])


def by_section(every: Scores, kept: Mask, section: Codes, names: Sequence[str]) -> Chart:
    """A small histogram of each section, of the largest `MOST`, with its own cut. `section` are
    places in `names`."""
    sizes = dict(zip(names, np.bincount(section, minlength=len(names)).tolist(), strict=True))
    shown = sorted(names, key=lambda name: (-sizes[name], name))[:MOST]
    limits = bounds(every)
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)
    width, height = 1 / across, 1 / down
    with mpl.rc_context(STYLE):
        figure = Figure((2 * WIDTH, ROW * down), dpi=DPI)
        for i, name in enumerate(shown):
            left, bottom = i % across * width, 1 - (i // across + 1) * height
            own = section == names.index(name)
            scores, its_kept = every[own], every[own & kept]
            axes = figure.add_axes(
                (left + 0.16 * width, bottom + 0.2 * height, 0.78 * width, 0.58 * height)
            )
            draw_histogram(axes, scores, its_kept, limits)
            axes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.set_title(f"{printable(name)}: {its_kept.size:,} of {scores.size:,}", loc="left")
            if its_kept.size:
                axes.axvline(its_kept.min(), color=CUT)
        return saved(figure, "sections", [])


def bounds(scores: Scores) -> tuple[float, float]:
    """The ends of an axis of scores."""
    low, high = float(scores.min()), float(scores.max())
    return (low, high) if high > low else (low - 0.001, low + 0.001)


def draw_histogram(axes: Axes, every: Scores, kept: Scores, limits: tuple[float, float]) -> None:
    edges = np.linspace(*limits, BINS + 1)
    for scores, colour in ((every, ALL), (kept, KEPT)):
        axes.stairs(np.histogram(scores, edges)[0], edges, fill=True, color=colour)
    axes.set_xlim(*limits)
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def printable(name: str) -> str:
    """A section's name, at most about 24 characters, whatever its bytes are."""
    text = name.encode("utf-8", errors="backslashreplace").decode()
    return text if len(text) <= 24 else f"{text[:23]}…"


def saved(figure: Figure, salt: str, cuts: Sequence[object]) -> Chart:
    """A figure in both forms; in the SVG without its `cuts`. `salt` keeps the names inside apart
    from those of other pictures."""
    with warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": salt}):
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # names in any script
        figure.patch.set_alpha(0)
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        png = io.BytesIO()
        figure.set_facecolor(PAPER)
        FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
        for cut in cuts:
            cut.remove()  # type: ignore[attr-defined]
        svg = io.BytesIO()
        FigureCanvasSVG(figure).print_svg(svg, metadata=UNDATED)  # type: ignore[no-untyped-call]
    return Chart(for_the_page(svg.getvalue().decode()), png.getvalue())


def for_the_page(svg: str) -> str:
    """An SVG as part of a page: no preamble, no names but those it refers to, and the page's own
    font and colours."""
    text = svg[svg.index("<svg") :]
    text = re.sub(r"<(metadata|style).*?</\1>", "", text, flags=re.DOTALL)
    text = text.replace("font-family: 'DejaVu Sans'; ", "")
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text
