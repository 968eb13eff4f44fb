"""Disk: too little room is reported before anything is written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.common.disk import LEAST_BYTES, check_room, png_bytes, readable
from stages.common.errors import UserError
from stages.common.pixels import png
from stages.common.pixels.images import Pixels


def test_photographs_take_more_than_the_least(sample_pixels: list[Pixels]) -> None:
    for pixels in sample_pixels:
        height, width, _ = pixels.shape
        assert len(png.encode(pixels)) > png_bytes([(width, height)])
    assert png_bytes([(10, 20), (30, 40)]) == 1400 * LEAST_BYTES


def test_a_disk_with_too_little_room_is_told(tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=64k")
    check_room(disk / "not" / "there", 60_000, "this")
    with pytest.raises(UserError) as raised:
        check_room(disk / "not" / "there", 5_000_000_000, "this")
    assert str(raised.value) == (
        f"{disk}/not/there: this needs 5.0 GB at least, and 0 MB is free: free some space (`dvc gc "
        "--workspace` drops old versions), move the project to a larger disk, or keep less by a "
        "cutoff"
    )


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 MB"), (999_000_000, "999 MB"), (1_234_500_000_000, "1,234.5 GB")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert readable(size) == text
