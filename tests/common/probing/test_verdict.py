"""What the probe says of the PSNR of photographs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.probing import verdict
from stages.common.probing.held import Seen
from stages.common.probing.samples import DRAWS
from stages.common.probing.verdict import Difference
from stages.common.rows import ProbedImage, ProbePoint


def points(*lows: float) -> list[ProbePoint]:
    return [ProbePoint(i, 48, 30.0, low, low, low) for i, low in enumerate(lows, start=1)]


def test_enough_is_the_smallest_count_from_which_on_nothing_is_lost() -> None:
    assert verdict.enough(points(-1, -0.004, -0.1, -0.0049, 0.1, 0)) == 4
    assert verdict.enough(points(-0.005, 0)) == 2
    assert verdict.enough(points(0, 0)) == 1
    assert verdict.enough(points(-1)) == 1


@given(st.lists(st.floats(-1, 1), min_size=20, max_size=40))
def test_an_interval_is_that_of_the_differences_of_photographs(values: list[float]) -> None:
    base = np.linspace(20, 40, len(values))
    found = verdict.difference(base + values, base)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    half = 1.96 * np.std(values) / len(values) ** 0.5
    assert found.high - found.low == pytest.approx(2 * half, rel=0.35, abs=1e-9)
    assert verdict.difference(base, base) == Difference(0, 0, 0)


def test_the_numbers_are_those_of_each_set() -> None:
    """The best 1, the best 2 which are all, the kept ones; random sets are apart by up to 0.2."""
    random = [29.9, 30.0, 30.1]
    seen = [
        Seen((28.0 + i, 0.8), {48: [r + i for r in (*random, 29.5, 30.5, 30.4)]}, {48: [0.9, 0.7]})
        for i in range(20)
    ]
    sets = verdict.sets_of(seen, 48)
    assert len(random) == DRAWS
    curve = verdict.curve([1, 2], sets, 48)
    assert [(p.tiles, p.classes, round(p.psnr, 6)) for p in curve] == [(1, 48, 39), (2, 48, 40)]
    assert [round(p.minus_all, 6) for p in curve] == [-1, 0]
    assert verdict.of_classes(curve, sets, seen) == {
        "kept": 39.9,
        "all": 40.0,
        "random": 39.5,
        "kept_minus_all": -0.1,
        "low": -0.1,
        "high": -0.1,
        "kept_minus_random": 0.4,
        "random_low": 0.4,
        "random_high": 0.4,
        "random_apart": 0.2,
        "kept_ssim": 0.7,
        "all_ssim": 0.9,
        "enough": 2,
    }
    rows = verdict.images([f"{i}.png" for i in range(20)], sets, seen, 48)
    assert rows[0] == ProbedImage("0.png", 48, 28.0, 30.4, 30.5, pytest.approx(30.0))  # type: ignore[arg-type]
    numbers = verdict.numbers("data/evaluation/held", 2, 1, seen, {48: {}})
    assert numbers == {
        "held": "data/evaluation/held",
        "photographs": 20,
        "tiles": 2,
        "kept": 1,
        "bicubic": 37.5,
        "bicubic_ssim": 0.8,
        "classes": {"48": {}},
    }
