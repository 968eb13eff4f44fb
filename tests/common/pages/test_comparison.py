"""The table of experiments: what its columns are, and that it fits a terminal."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stages.common.pages import comparison
from stages.common.pages.comparison import Entry
from stages.common.versions.experiments import Version


def version(count: int, tiles: int, **metrics: Any) -> Version:
    limits = {"count": count, "min_score": None, "report_at": 0.5}
    numbers = {"tiles": tiles, "mean": 0.75, "lowest": 0.7, "reach": 25000, "GB": 0.0838}
    numbers |= {"photographs": 9, "largest_photograph": 0.19} | metrics
    return Version({"cutoff": {"subimages": limits}}, numbers, None)


def test_small_sets_are_in_megabytes_and_large_ones_in_gigabytes() -> None:
    baseline = Entry("last commit", version(200, 200))
    assert comparison.table([baseline, Entry("tiles-150", version(150, 150))]) == (
        "experiment   tiles     mean   lowest  reach 0.5    MB  photos  largest\n"
        "last commit    200  0.75000  0.70000     25,000  83.8       9    19.0%\n"
        "tiles-150      150  0.75000  0.70000     25,000  83.8       9    19.0%"
    )
    large = Entry("tiles-15000", version(15000, 15000, GB=6.2))
    assert comparison.table([baseline, large]).splitlines()[1:] == [
        "last commit     200  0.75000  0.70000     25,000  0.08       9    19.0%",
        "tiles-15000  15,000  0.75000  0.70000     25,000  6.20       9    19.0%",
    ]


def test_what_a_name_does_not_say_stands_below() -> None:
    baseline = Entry("last commit", version(200, 200))
    _, _, *rest = comparison.table(
        [baseline, Entry("sad-moth", version(5, 5)), Entry("same", version(200, 200))]
    ).splitlines()
    assert rest[2:] == ["sad-moth: cutoff.subimages.count=5", "same: changes no parameter"]


def test_numbers_that_were_not_asked_for_are_left_empty() -> None:
    entry = Entry("last commit", version(200, 200, reach=None))
    entry.version.params["cutoff"]["subimages"]["report_at"] = None
    assert comparison.table([entry]).splitlines() == [
        "experiment   tiles     mean   lowest  reach    MB  photos  largest",
        "last commit    200  0.75000  0.70000         83.8       9    19.0%",
    ]


def test_where_the_probe_was_asked_a_column_has_what_it_says_of_the_most_classes() -> None:
    numbers = {"classes": {"48": {"kept_minus_all": 1.0}, "192": {"kept_minus_all": -0.00123}}}
    baseline = Entry("last commit", version(200, 200)._replace(probed=numbers))
    name = "cutoff-subimages-per-photograph-30"
    lines = comparison.table([baseline, Entry(name, version(9, 9))]).splitlines()
    assert lines[:3] == [
        "experiment                  tiles     mean   lowest  reach 0.5    MB  photos  largest  "
        "kept-all",
        "last commit                   200  0.75000  0.70000     25,000  83.8       9    19.0%   "
        "-0.0012",
        "cutoff-subimages-per-phot…      9  0.75000  0.70000     25,000  83.8       9    19.0%",
    ]


@given(st.text("ab-", min_size=1, max_size=80), st.integers(1, 9_999_999), st.floats(0, 9999))
def test_it_fits_a_terminal(name: str, tiles: int, size: float) -> None:
    numbers = version(tiles, tiles, GB=size, reach=tiles, photographs=tiles)
    numbers = numbers._replace(probed={"classes": {"48": {"kept_minus_all": -12.3456}}})
    baseline = Entry("last commit", version(200, 200))
    lines = comparison.table([baseline, Entry(name, numbers)]).splitlines()
    assert max(map(len, lines[:3])) <= 100
