"""What the report shows of the probe: how the best so many tiles train, as one chart."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.common.pages import charts
from stages.common.pages.charts import ALL, BOX, CUT, DPI, HEIGHT, KEPT, STYLE, WIDTH, Chart
from stages.common.rows import ProbePoint

LOWEST = -0.1  # dB: what loses more is off the chart, where anything else loses less
COLOURS = (KEPT, CUT, charts.INK)  # of the numbers of classes, ascending


def chart(points: Sequence[ProbePoint], kept: int) -> Chart | None:
    """By the number of tiles, the best by score: PSNR less that of all tiles, dB, with its interval
    as a band, a line a number of classes; upright where the set as it is ends. None where nothing
    was tried."""
    if not points:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure((2 * WIDTH, HEIGHT), dpi=DPI)
        left, bottom, _, height = BOX
        axes = figure.add_axes((left / 2, bottom, 0.91, height))
        for classes, colour in zip(sorted({p.classes for p in points}), COLOURS, strict=False):
            line = [point for point in points if point.classes == classes]
            tiles = [point.tiles for point in line]
            low, high = [point.low for point in line], [point.high for point in line]
            axes.fill_between(tiles, low, high, color=colour, alpha=0.2, linewidth=0)
            differences = [point.minus_all for point in line]
            axes.plot(tiles, differences, color=colour, linewidth=2, label=f"{classes} filters")
        axes.axvline(kept, color=ALL)
        axes.set_xlim(0, max(point.tiles for point in points))
        axes.set_ylim(bottom=max(LOWEST, min(point.low for point in points)))
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.xaxis.set_major_formatter(lambda tiles, _: f"{tiles:,.0f}")
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.legend(loc="lower right", frameon=False)
        return charts.saved(figure, "probed", [])
