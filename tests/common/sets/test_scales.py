"""Validation pairs: matched by name, in folders as this project and others call them."""

import pytest

from stages.common.sets import scales
from stages.common.sets.scales import Pair

SCALES = {"hr": 1, "HR": 1, "GT": 1, "x2": 2, "X4": 4, "LR_x4": 4, "LR_bicubic X3": 3}
NONE = ("max2", "x", "lr", "x2y", "x100")


@pytest.mark.parametrize(("folder", "scale"), [*SCALES.items(), *((name, None) for name in NONE)])
def test_a_folder_tells_its_scale(folder: str, scale: int | None) -> None:
    assert scales.scale_of(folder) == scale


def test_halves_are_matched_by_name_whatever_their_suffix() -> None:
    paths = ["hr/a.png", "hr/b.png", "x2/a.jpg", "x2/bx2.png", "x3/a.png", "x3/bx3.png", "n/a.png"]
    expected = [
        Pair("hr/a.png", "x2/a.jpg", 2),
        Pair("hr/a.png", "x3/a.png", 3),
        Pair("hr/b.png", "x2/bx2.png", 2),
        Pair("hr/b.png", "x3/bx3.png", 3),
    ]
    assert scales.match(paths) == (expected, [])


def test_one_that_most_folders_have_is_missing_in_the_others() -> None:
    paths = ["hr/a.png", "x2/a.png", "x4/a.png", "x2/b.png", "x4/b.png", "hr/c.png"]
    found, faults = scales.match(paths)
    assert [pair.lr for pair in found] == ["x2/a.png", "x4/a.png"]
    told = [(fault.path, fault.what) for fault in faults]
    assert told == [("hr/b.png", "missing"), ("hr/c.png", "extra")]


def test_without_full_size_images_there_are_no_pairs() -> None:
    assert scales.match(["x2/a.png", "flat.png"]) == ([], [])
