"""Charts: the same bytes each time, the page's colours, and the cut in the pictures alone."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager

from stages.common.columns import Columns, Mask
from stages.common.pages import charts
from stages.common.pages.charts import BOX, CUT, VARIABLES, by_section, curve, histogram
from stages.common.pixels.images import decode


def decided(count: int, kept: int, sections: tuple[str, ...] = ("s",)) -> tuple[Columns, Mask]:
    """So many images of sections in turn, of which the best are kept."""
    names = sorted(sections)
    codes = np.array([names.index(sections[i % len(sections)]) for i in range(count)])
    zeros, ones = np.zeros(count, np.int64), np.full(count, 9)
    columns = Columns(
        hyperiqa=1 - np.arange(count) / count,
        bytes=ones,
        reserved=zeros > 0,
        left_out={},
        section=codes,
        source=zeros,
        scale=zeros,
        photograph=zeros,
        sections=names,
        sources=[""],
        scales=[],
        measures={},
        likes=None,
    )
    return columns, np.arange(count) < kept


def paths(svg: str, colour: str) -> list[str]:
    """The shapes of a colour."""
    return [
        path.get("d", "")
        for path in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")
        if f"var({VARIABLES[colour]})" in path.get("style", "")
    ]


def test_the_same_scores_give_the_same_bytes() -> None:
    rows = decided(50, 20, ("a", "b & <c>", "山", b"caf\xe9".decode(errors="surrogateescape")))
    assert charts.charts(*rows) == charts.charts(*rows)
    assert sorted(charts.charts(*rows)) == ["curve", "histogram", "sections"]
    assert sorted(charts.charts(*decided(5, 2))) == ["curve", "histogram"]


def test_the_font_is_the_one_that_comes_with_matplotlib() -> None:
    font = font_manager.findfont(charts.STYLE["font.family"], fallback_to_default=False)
    assert Path(font).resolve().is_relative_to(Path(matplotlib.get_data_path()).resolve())


def test_the_cut_is_in_the_picture_and_not_in_the_page() -> None:
    every = np.linspace(1, 0, 101)
    best = np.arange(51) + 1
    for chart, share in ((histogram(every, every[:51]), 0.5), (curve(every, best), 0.5)):
        assert paths(chart.svg, CUT) == []
        pixels = decode(chart.png)
        red = np.array([int(CUT[i : i + 2], 16) for i in (1, 3, 5)])
        _, columns = np.nonzero((np.abs(pixels.astype(int) - red) < 30).all(axis=2))
        place = (np.median(columns) / pixels.shape[1] - BOX[0]) / BOX[2]
        assert place == pytest.approx(share, abs=0.02)


def test_an_svg_takes_the_style_of_the_page() -> None:
    for chart in charts.charts(*decided(30, 10, ("a", "b"))).values():
        root = ElementTree.fromstring(chart.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        for name in ("#", "DejaVu", "metadata", "<style"):
            assert name not in chart.svg.replace("url(#", "").replace('href="#', "")
        ids = [it.get("id") for it in root.iter() if it.get("id")]
        assert len(ids) == len(set(ids))


def test_a_histogram_counts_all_and_what_is_kept() -> None:
    chart = histogram(np.array([0.0, 0.0, 0.0, 1.0]), np.array([0.0]))
    tops = []
    for colour in (charts.ALL, charts.KEPT):
        (shape,) = paths(chart.svg, colour)
        tops.append(min(float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", shape)))
    ground = charts.HEIGHT * 72 * (1 - BOX[1])
    assert (ground - tops[0]) / (ground - tops[1]) == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("rows", [decided(1, 1), decided(3, 0), decided(1, 0)])
def test_few_images_can_be_drawn(rows: tuple[Columns, Mask]) -> None:
    for chart in charts.charts(*rows).values():
        assert decode(chart.png).shape == (375, 690, 3)


def test_only_the_largest_sections_are_drawn() -> None:
    names = tuple(f"section {i:02d}" for i in range(30))
    c, kept = decided(30 * 3 + 29, 20, names)
    chart = by_section(c.hyperiqa, kept, c.section, c.sections)
    for i in range(30):  # the last one has an image less than each of the others
        assert (f"section {i:02d}:" in chart.svg) == (i < 24)
