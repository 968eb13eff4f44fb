"""Normal equations of filters, class by class: what a tile says of how to enlarge its half.

LR is HR's luma, downscaled to half by Pillow's BICUBIC, which filters against aliasing, and
rounded. Around an LR pixel there are 7 x 7 pixels; the 48 others less the one in the middle are
what a filter is given, and the four HR pixels of the place less that middle are what it should
give. Of these `COLUMNS` whole numbers z, -255..255, the sums of z z' are the normal equations.

All sums are whole numbers below 2^53 for up to 4 million tiles of 512 px, so float64 holds them
exactly: however tiles are grouped, on whatever machine, with any number of threads of BLAS, they
are the same to the last bit, and those of two sets add up to those of both.

Source: RAISR, arXiv 1606.01299.
"""

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.common.measures.luma import Luma
from stages.common.probing import gradients
from stages.common.probing.gradients import CLASSES

SCALE = 2
RADIUS = 3  # px of LR that a filter sees to each side
SIDE = 2 * RADIUS + 1
TAPS = SIDE * SIDE - 1
TARGETS = SCALE * SCALE
COLUMNS = TAPS + TARGETS
UPPER = np.triu_indices(COLUMNS)
PACKED = len(UPPER[0])
EDGE = max(RADIUS, gradients.REACH)  # px of LR at the edge without a whole neighbourhood
FEW = 88  # pixels of a product: of more, BLAS wakes threads, and spends four times as much
AT_ONCE = 1 << 15  # pixels that are worked on at once: 13 MB

Sums = NDArray[np.float64]  # (192, PACKED): the upper triangle of each class's z z'
Floats = NDArray[np.float64]


def empty() -> Sums:
    """The sums of no tile."""
    return np.zeros((CLASSES, PACKED))


def downscaled(grey: Luma) -> Luma:
    """LR of an (h, w) luma of even sides: (h / 2, w / 2)."""
    height, width = grey.shape
    half = (width // SCALE, height // SCALE)
    return np.asarray(Image.fromarray(grey).resize(half, Image.Resampling.BICUBIC))


def even(grey: Luma) -> Luma:
    """Without a last row or column that is one too many."""
    height, width = (side - side % SCALE for side in grey.shape)
    return grey[:height, :width]


def of_tile(grey: Luma) -> Sums:
    """The sums of a tile's luma, (h, w), by half of its LR pixels; none where it is too small."""
    hr = even(grey)
    if min(hr.shape) < SCALE * (2 * EDGE + 1):
        return empty()
    lr = downscaled(hr)
    inner = lr.shape[0] - 2 * EDGE, lr.shape[1] - 2 * EDGE
    return of_pixels(lr, hr, np.flatnonzero(half(*inner)))


def of_whole(grey: Luma, border: int) -> Sums:
    """The sums of all HR pixels that are `border` px from the edge, a multiple of 2: (h, w), even.
    LR goes on beyond its edge as its outermost pixels."""
    lr = np.pad(downscaled(grey), EDGE, mode="edge")
    hr = np.pad(grey, EDGE * SCALE)
    rows, columns = (side // SCALE for side in grey.shape)
    inside = np.zeros((rows, columns), bool)
    skip = border // SCALE
    inside[skip : rows - skip, skip : columns - skip] = True
    return of_pixels(lr, hr, np.flatnonzero(inside))


@functools.lru_cache(maxsize=8)
def half(rows: int, columns: int) -> NDArray[np.bool_]:
    """Half of the places, as if by chance, and always the same: a hash of row and column."""
    row, column = np.ogrid[:rows, :columns]
    mixed = (row * 73856093 ^ column * 19349663) & 0xFFFFFFFF
    mixed = (mixed ^ (mixed >> 15)) * 0x2C1B3C6D & 0xFFFFFFFF
    found: NDArray[np.bool_] = (mixed >> 16) & 1 == 0
    return found


def of_pixels(lr: Luma, hr: Luma, places: NDArray[np.intp]) -> Sums:
    """The sums of some pixels.

    Args:
        lr: (h, w)
        hr: (2 h, 2 w)
        places: of pixels at least `EDGE` from LR's edge, as indices of these, row by row.
    """
    skip = EDGE - gradients.REACH
    found = gradients.classes(lr[skip : lr.shape[0] - skip, skip : lr.shape[1] - skip])
    of_class = found.ravel()[places]
    order = np.argsort(of_class, kind="stable")
    squares = np.zeros((CLASSES, COLUMNS, COLUMNS))
    for start in range(0, order.size, AT_ONCE):
        chosen = order[start : start + AT_ONCE]
        columns = values(lr, hr, places[chosen])
        here = of_class[chosen]
        ends = np.searchsorted(here, np.arange(CLASSES + 1))
        for i in range(int(here[0]), int(here[-1]) + 1):
            for first in range(ends[i], ends[i + 1], FEW):
                z = columns[first : min(first + FEW, ends[i + 1])]
                squares[i] += z.T @ z
    return squares[:, UPPER[0], UPPER[1]]


def values(lr: Luma, hr: Luma, places: NDArray[np.intp]) -> Floats:
    """What `of_pixels` sums the products of, (n, COLUMNS): taps row by row, then targets row by
    row."""
    width = lr.shape[1]
    row, column = np.divmod(places, width - 2 * EDGE)
    middle = (row + EDGE) * width + column + EDGE
    flat = lr.ravel()
    centre = flat[middle].astype(np.int16)
    found = np.empty((COLUMNS, places.size), np.int16)
    steps = [
        down * width + right
        for down in range(-RADIUS, RADIUS + 1)
        for right in range(-RADIUS, RADIUS + 1)
        if down or right
    ]
    for i, step in enumerate(steps):
        found[i] = flat[middle + step]
    first = SCALE * (row + EDGE) * hr.shape[1] + SCALE * (column + EDGE)
    large = hr.ravel()
    for i in range(TARGETS):
        found[TAPS + i] = large[first + i // SCALE * hr.shape[1] + i % SCALE]
    found -= centre
    return found.T.astype(np.float64)


def unpacked(sums: Sums) -> Floats:
    """(..., PACKED) as whole symmetric matrices, (..., COLUMNS, COLUMNS)."""
    found = np.empty((*sums.shape[:-1], COLUMNS, COLUMNS))
    found[..., UPPER[0], UPPER[1]] = sums
    found[..., UPPER[1], UPPER[0]] = sums
    return found
