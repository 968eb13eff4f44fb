"""The probe's chart: a line and a band for each number of classes."""

from stages.common.pages import probed
from stages.common.rows import ProbePoint


def curve() -> list[ProbePoint]:
    return [
        ProbePoint(tiles, classes, 30.0, -classes / tiles / 50, -classes / tiles / 40, 0.0)
        for classes in (48, 192)
        for tiles in (10, 200, 1000)
    ]


def test_it_shows_both_lines_in_the_pages_colours_and_the_same_each_time() -> None:
    first, second = probed.chart(curve(), 400), probed.chart(curve(), 400)
    assert first is not None
    assert first == second
    for text in ("48 filters", "192 filters", "600", "var(--kept)", "var(--cut)"):
        assert text in first.svg
    assert first.png.startswith(b"\x89PNG")


def test_where_nothing_was_tried_there_is_none() -> None:
    assert probed.chart([], 400) is None
