"""What the probe says: differences to all tiles, with intervals, from the PSNR of each photograph.

Differences are paired by photograph: photographs differ by decibels, sets on one photograph by
thousandths of one. An interval holds 95% of the means of photographs drawn anew, with repetition,
2,000 times: it says how much the choice of photographs matters, and nothing of the choice of tiles.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common.probing.held import Seen
from stages.common.probing.samples import DRAWS
from stages.common.rows import ProbedImage, ProbePoint

DRAWN, SEED = 2000, 0  # times that photographs are drawn
TAIL = 0.025  # of the means lie below the interval, and above it
NOTHING = -0.005  # dB: a set whose interval is above it loses nothing
DIGITS = 4

Floats = NDArray[np.float64]


class Difference(NamedTuple):
    """The mean of a paired difference, dB, and its interval."""

    mean: float
    low: float
    high: float


class Sets(NamedTuple):
    """PSNR by set and photograph, (sets, photographs), dB."""

    random: Floats
    best: Floats  # of each count; the last is all tiles
    kept: Floats  # (photographs,)

    @property
    def all(self) -> Floats:
        """Of all tiles, (photographs,)."""
        found: Floats = self.best[-1]
        return found


def sets_of(seen: Sequence[Seen], classes: int) -> Sets:
    """What was seen, by set. Sets of filters are in the order of `trial.filters_of`."""
    every = np.array([one.psnr[classes] for one in seen]).T
    return Sets(every[:DRAWS], every[DRAWS:-1], every[-1])


def mean(values: Floats) -> float:
    """The mean, exact."""
    return math.fsum(values.tolist()) / len(values)


def difference(one: Floats, other: Floats) -> Difference:
    """Of two sets on the same photographs."""
    apart = one - other
    drawn = np.random.default_rng(SEED).integers(0, apart.size, (apart.size, DRAWN))
    means = np.zeros(DRAWN)
    for chosen in drawn:
        means += apart[chosen]
    low, high = np.quantile(means / apart.size, [TAIL, 1 - TAIL]).tolist()
    return Difference(mean(apart), low, high)


def curve(counts: Sequence[int], sets: Sets, classes: int) -> list[ProbePoint]:
    """A point a count."""
    return [
        ProbePoint(count, classes, mean(best), *difference(best, sets.all))
        for count, best in zip(counts, sets.best, strict=True)
    ]


def enough(points: Sequence[ProbePoint]) -> int:
    """The smallest count that loses nothing, and none above it does; at worst all tiles."""
    found = points[-1].tiles
    for point in reversed(points):
        if point.low <= NOTHING:
            break
        found = point.tiles
    return found


def of_classes(points: Sequence[ProbePoint], sets: Sets, seen: Sequence[Seen]) -> dict[str, Any]:
    """The numbers of filters of one number of classes."""
    classes = points[0].classes
    random = sets.random[0].copy()
    for draw in sets.random[1:]:
        random += draw
    random /= len(sets.random)
    means = [mean(draw) for draw in sets.random]
    every, chance = difference(sets.kept, sets.all), difference(sets.kept, random)
    ssim = np.array([one.ssim[classes] for one in seen])
    numbers: dict[str, Any] = {
        "kept": mean(sets.kept),
        "all": mean(sets.all),
        "random": mean(random),
        "kept_minus_all": every.mean,
        "low": every.low,
        "high": every.high,
        "kept_minus_random": chance.mean,
        "random_low": chance.low,
        "random_high": chance.high,
        "random_apart": max(means) - min(means),
        "kept_ssim": mean(ssim[:, 1]),
        "all_ssim": mean(ssim[:, 0]),
    }
    rounded = {name: round(value, DIGITS) + 0.0 for name, value in numbers.items()}
    return rounded | {"enough": enough(points)}


def images(
    paths: Sequence[str], sets: Sets, seen: Sequence[Seen], classes: int
) -> list[ProbedImage]:
    """A row a photograph."""
    random = [mean(draws) for draws in sets.random.T]
    return [
        ProbedImage(path, classes, one.bicubic[0], float(kept), float(every), chance)
        for path, one, kept, every, chance in zip(
            paths, seen, sets.kept, sets.all, random, strict=True
        )
    ]


def numbers(
    held: str, tiles: int, kept: int, seen: Sequence[Seen], by_classes: Mapping[int, dict[str, Any]]
) -> dict[str, Any]:
    """All of probe.json."""
    bicubic = np.array([one.bicubic for one in seen])
    return {
        "held": held,
        "photographs": len(seen),
        "tiles": tiles,
        "kept": kept,
        "bicubic": round(mean(bicubic[:, 0]), DIGITS),
        "bicubic_ssim": round(mean(bicubic[:, 1]), DIGITS),
        "classes": {str(count): found for count, found in by_classes.items()},
    }
