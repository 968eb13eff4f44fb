"""Which pictures were cut out of a larger one, pixel for pixel.

Each picture is known by one run of `RUN` pixels within it, the liveliest of a few, as a 64-bit
number. Every run of a larger picture gives such a number in a few operations, so that a search for
100,000 pictures takes about a second for each megapixel; `is_at` then compares all pixels. Found
are plain crops; none that is scaled, compressed, mirrored or turned, and no picture of one colour.

Source: R. M. Karp, M. O. Rabin, Efficient randomized pattern-matching algorithms, 1987.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common.pixels.images import Pixels

RUN = 32  # px
LEAST_COLOURS = 8  # different ones in a run: fewer occur everywhere
ROWS = COLUMNS = 5  # runs that are looked at to choose one
STRIP = 64  # rows of a picture that are searched at once
FACTOR = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
INVERSE = pow(FACTOR, -1, 2**64)

Numbers = NDArray[np.uint64]


class Key(NamedTuple):
    """The run that a picture is known by."""

    number: int
    left: int  # of the run in the picture, px
    top: int


class Place(NamedTuple):
    """Where in a larger picture one may lie."""

    picture: int  # the number of its key
    left: int  # px
    top: int


def key(pixels: Pixels) -> Key | None:
    """A picture's key; None for one that is narrower than a run or has no run with enough colours.

    Args:
        pixels: (H, W, 3), 0..255.
    """
    height, width = pixels.shape[:2]
    if width < RUN:
        return None
    best, liveliness = None, -1
    for top in sorted({height * i // (ROWS + 1) for i in range(1, ROWS + 1)}):
        for left in sorted({(width - RUN) * i // (COLUMNS - 1) for i in range(COLUMNS)}):
            values = pixels[top, left : left + RUN].astype(np.int64)
            change = int(np.abs(np.diff(values, axis=0)).sum())
            if change > liveliness:
                best, liveliness = (left, top), change
    assert best is not None
    left, top = best
    run = pixels[top : top + 1, left : left + RUN]
    if len(np.unique(run[0], axis=0)) < LEAST_COLOURS:
        return None
    return Key(int(_numbers(run)[0, 0]), left, top)


def _numbers(rows: Pixels) -> Numbers:
    """The number of each run in rows, (H, W - RUN + 1): a polynomial of its bytes, modulo 2^64."""
    height, width = rows.shape[:2]
    powers, inverses = _powers(FACTOR, 3 * width), _powers(INVERSE, 3 * width)
    sums = np.zeros((height, 3 * width + 1), np.uint64)
    values = rows.reshape(height, 3 * width).astype(np.uint64) + np.uint64(1)
    np.cumsum(values * powers, axis=1, out=sums[:, 1:])
    starts = np.arange(width - RUN + 1) * 3
    numbers: Numbers = (sums[:, starts + 3 * RUN] - sums[:, starts]) * inverses[starts]
    return numbers


def _powers(factor: int, count: int) -> Numbers:
    """factor^0, factor^1, ..., modulo 2^64."""
    factors = np.full(count, factor, np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


class Index:
    """The keys of many pictures, to search larger ones for."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = keys
        numbers = np.array([at.number for at in keys], np.uint64)
        self.order = np.argsort(numbers, kind="stable")
        self.numbers = numbers[self.order]

    def search(self, pixels: Pixels) -> list[Place]:
        """Where pictures may lie in a larger one, (H, W, 3): all places whose run agrees."""
        height, width = pixels.shape[:2]
        found: list[Place] = []
        if width < RUN or not len(self.numbers):
            return found
        for first in range(0, height, STRIP):
            runs = _numbers(pixels[first : first + STRIP])
            places = np.searchsorted(self.numbers, runs)
            places[places == len(self.numbers)] = 0
            for y, x in np.argwhere(self.numbers[places] == runs):
                place = int(places[y, x])
                while place < len(self.numbers) and self.numbers[place] == runs[y, x]:
                    at = self.keys[self.order[place]]
                    left, top = int(x) - at.left, first + int(y) - at.top
                    if left >= 0 and top >= 0:
                        found.append(Place(int(self.order[place]), left, top))
                    place += 1
        return found


def is_at(pixels: Pixels, whole: Pixels, left: int, top: int) -> bool:
    """Whether a picture is what lies at a place of a larger one."""
    height, width = pixels.shape[:2]
    return bool(np.array_equal(whole[top : top + height, left : left + width], pixels))
