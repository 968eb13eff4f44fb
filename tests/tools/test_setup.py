"""Set-up: clones instead of hard links where there are clones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.tools.setup import can_clone


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_clones_are_found(kind: str, loop_disk: Callable[[str], Path]) -> None:
    disk = loop_disk(kind)
    before = sorted(disk.iterdir())
    assert can_clone(disk)
    assert sorted(disk.iterdir()) == before


def test_no_clones_are_found(tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=1m")
    assert not can_clone(disk)
    assert list(disk.iterdir()) == []
