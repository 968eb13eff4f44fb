"""Noise, in the calmest places of a picture."""

import math

import numpy as np
from numpy.typing import NDArray

from stages.common.measures.luma import Luma, luma
from stages.common.pixels.images import Pixels

SIDE = 8  # px, of a place
CALMEST = 1.0  # per cent: so many places are calmer than the one that counts
MIDDLE = (16.0, 239.0)  # grey levels; a darker or brighter place is clipped, and its noise with it
CLIPPED = (0, 255)  # grey levels that no pixel of a place may have
ENOUGH = 8  # places, to leave out the others
NORM = 6.0  # the root of the sum of the mask's squares
TO_DEVIATION = math.sqrt(math.pi / 2)  # by the mean of absolute values
BY_CHANCE = 1.5  # of nothing but noise, the mean of all places by that of the place that counts
STRIP = 64 * SIDE  # rows that are worked on at once


def noise(pixels: Pixels) -> float:
    """Standard deviation of the luma's noise, in grey levels, 0..255; 0 is none.

    The mask ((1, -2, 1), (-2, 4, -2), (1, -2, 1)) leaves nothing of planes and of straight edges
    along rows and columns. The mean of its absolute values in each place of 8x8 px; and of all
    places that are neither dark, bright nor clipped the 1st percentile, since only the calmest hold
    nothing but noise; times 1.5, since of many places of noise some are calm by chance.
    Noise of standard deviation s in each of red, green and blue is 0.67 s in the luma.

    Fooled by: texture that fills the picture (sand, gravel, leaves), which counts as noise; a wall
    or a sky that compression has smoothed, which hides the noise of the rest. A picture with a side
    below 10 px is one place or a row of them; 0 below 3 px.

    Source: Immerkær, "Fast noise variance estimation", Computer Vision and Image Understanding
    64(2), 1996, here in places instead of the whole.
    """
    found = places(luma(pixels))
    if not found.size:
        return 0.0
    values, means, lowest, highest = found
    middle = (means >= MIDDLE[0]) & (means <= MIDDLE[1])
    whole = (lowest > CLIPPED[0]) & (highest < CLIPPED[1])
    for some in (middle & whole, middle):
        if np.count_nonzero(some) >= ENOUGH:
            values = values[some]
            break
    return float(np.percentile(values, CALMEST)) * BY_CHANCE * TO_DEVIATION / NORM


def places(grey: Luma) -> NDArray[np.float64]:
    """Of n places of 8x8 px the means of the mask's absolute values, and of the luma its mean,
    lowest and highest value, (4, n); whole places only, but for a picture that holds none."""
    height, width = max(grey.shape[0] - 2, 0), max(grey.shape[1] - 2, 0)
    down, along = min(SIDE, height), min(SIDE, width)
    if not down or not along:
        return np.zeros((4, 0))
    height, width = height // down * down, width // along * along
    found = []
    for top in range(0, height, STRIP):
        rows = grey[top : min(top + STRIP, height) + 2, : width + 2]
        values = masked(rows)
        inside = rows[1:-1, 1:-1]
        found.append(
            [
                in_places(np.add, values, down, along) / (down * along),
                in_places(np.add, inside, down, along) / (down * along),
                in_places(np.minimum, inside, down, along),
                in_places(np.maximum, inside, down, along),
            ]
        )
    return np.concatenate(found, axis=1)


def masked(rows: Luma) -> NDArray[np.uint16]:
    """The mask's absolute values, 0..2040; a pixel less on each side."""
    values = rows.astype(np.int16)
    lines = values[2:] + values[:-2]
    lines -= 2 * values[1:-1]
    found = lines[:, 2:] + lines[:, :-2]
    found -= 2 * lines[:, 1:-1]
    return np.abs(found, out=found).view(np.uint16)


def in_places(
    function: np.ufunc, values: NDArray[np.uint8 | np.uint16], down: int, along: int
) -> NDArray[np.int64]:
    """What a function makes of all values in each place, in rows; sums are below 2 ** 16 * 8."""
    kind = np.uint16 if function is np.add else values.dtype  # 8 * 2040 has room there
    lines = values.reshape(-1, down, values.shape[1])
    columns = function.reduce(lines, axis=1, dtype=kind)
    parts = columns.reshape(len(columns), -1, along)
    reduced: NDArray[np.int64] = function.reduce(parts, axis=2, dtype=np.int64)
    return reduced.ravel()
