"""The trial: sums of tiles, filters of these, held photographs enlarged, and what that says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stages.common.probing import equations, filters, held, samples, verdict
from stages.common.probing.equations import Floats
from stages.common.probing.samples import Plan
from stages.common.rows import Photograph, ProbedImage, ProbePoint
from stages.common.sources import Root

Filters = dict[int, Floats]  # by classes: (sets, classes, TAPS, TARGETS)


class Found(NamedTuple):
    """What a trial leaves."""

    numbers: dict[str, Any]
    curve: list[ProbePoint]
    images: list[ProbedImage]


def filters_of(total: Floats, counts: int, classes: Sequence[int]) -> Filters:
    """Filters of the sums that `samples.summed` gives: of the random sets, of the best so many
    tiles for each count, the last of them all, and of the kept set, in this order."""
    steps, kept, random = total[:counts], total[counts], total[counts + 1 :]
    found: dict[int, list[Floats]] = {count: [] for count in classes}

    def add(sums: Floats) -> None:
        for count, some in found.items():
            some.append(filters.solved(sums, count))

    for draw in random:
        add(draw)
    best = equations.empty()
    for step in steps:
        best += step
        add(best)
    add(kept)
    return {count: np.array(some) for count, some in found.items()}


def run(
    planned: Plan,
    tiles: Root,
    photographs: Sequence[Photograph],
    folder: Path,
    held_name: str,
    classes: Sequence[int],
) -> tuple[Found, Filters]:
    """The whole trial."""
    every = filters_of(samples.summed(planned, tiles), len(planned.counts), classes)
    seen = held.look_all(photographs, folder, every)
    paths = [row.path for row in photographs]
    curve: list[ProbePoint] = []
    images: list[ProbedImage] = []
    by_classes = {}
    for count in classes:
        sets = verdict.sets_of(seen, count)
        points = verdict.curve(planned.counts, sets, count)
        curve += points
        images += verdict.images(paths, sets, seen, count)
        by_classes[count] = verdict.of_classes(points, sets, seen)
    numbers = verdict.numbers(held_name, len(planned.tiles), planned.kept, seen, by_classes)
    return Found(numbers, curve, images), every
