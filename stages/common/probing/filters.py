"""Filters of normal equations, and pictures enlarged by them.

Everything here is done number by number in a fixed order, without BLAS, so that the same sums give
the same filters and the same pictures to the last bit on every machine.

Source: RAISR, arXiv 1606.01299, with a ridge towards the filter of all classes together, and with
the mirror images of all tiles where there are many classes.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.common.measures.luma import Luma
from stages.common.probing import equations, gradients
from stages.common.probing.equations import EDGE, SCALE, SIDE, TAPS, TARGETS, Floats, Sums

RIDGE = 3000.0  # squared grey levels that hold each class's filter to that of all
PLAIN = 48  # classes: so many, or fewer, learn of the tiles alone, more of their mirror images, too
BLOCK = 16  # classes that are worked on at once
FEW = 1024  # pixels of a product, so that BLAS wakes no threads
PARTS = 1 << 16  # of a weight, in pictures: sums of such weights are exact

Filters = NDArray[np.float64]  # (classes, TAPS, TARGETS)


def solved(sums: Sums, count: int) -> Filters:
    """The filters of `count` classes, a key of `gradients.GRAIN`, (count, TAPS, TARGETS): those of
    least squared error over the pixels of `sums`, and of few pixels near that of all of them. More
    than `PLAIN` classes learn of the mirror images, too."""
    of_class = equations.unpacked(gradients.coarser(sums, count))
    if count > PLAIN:
        of_class = with_mirrored(of_class)
    together = in_order(of_class)[None]
    common = least_squares(together, np.zeros((1, TAPS, TARGETS)))
    return least_squares(of_class, common)


def with_mirrored(of_class: Floats) -> Floats:
    """The sums of some tiles and of these mirrored left to right, top to bottom, and both ways,
    (n, COLUMNS, COLUMNS), without a look at a tile: a mirror image has the same products, of other
    taps, in the class of the mirrored angle.

    So each class has four times the pixels, and the filters of 192 classes lose no more by fewer
    tiles than those of 48. That left and right are alike costs nothing: on each of six sets of
    held photographs it raises the PSNR of all tiles, where a stronger ridge, or one towards the
    filter of a coarser class, lowers it (bench/README.md). 48 classes gain less, and 24 tiles would
    teach them so nearly what all do that they could not tell of too few.
    """
    left_right, turned = mirrored_columns()
    total = of_class + of_class[:, turned[:, None], turned]
    by_angle = total.reshape(gradients.GRAIN[len(total)][0], -1, *total.shape[1:])
    other = by_angle[::-1].reshape(total.shape)
    found: Floats = total + other[:, left_right[:, None], left_right]
    return found


def mirrored_columns() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which column of z comes to each column's place, left to right, and both ways."""
    taps = np.insert(np.arange(TAPS), TAPS // 2, -1).reshape(SIDE, SIDE)
    targets = np.arange(TAPS, TAPS + TARGETS).reshape(SCALE, SCALE)

    def columns(*way: slice) -> NDArray[np.intp]:
        return np.concatenate([taps[way][taps[way] >= 0], targets[way].ravel()])

    as_it_is, back = slice(None), slice(None, None, -1)
    return columns(as_it_is, back), columns(back, back)


def in_order(values: Floats) -> Floats:
    """The sum over the first axis, one after the other."""
    total = np.zeros(values.shape[1:])
    for value in values:
        total += value
    return total


def least_squares(equations_: Floats, near: Filters) -> Filters:
    """For each of (n, COLUMNS, COLUMNS) z z' the weights w that make the squared error plus `RIDGE`
    times the squared distance to `near` least, (n, TAPS, TARGETS). By Gaussian elimination, which
    needs no pivots where the ridge makes all of them positive."""
    rows = np.moveaxis(equations_[:, :TAPS], 0, 2).copy()  # (TAPS, COLUMNS, n): n side by side
    at = np.arange(TAPS)
    rows[at, at] += RIDGE
    rows[:, TAPS:] += RIDGE * np.moveaxis(near, 0, 2)
    for k in range(TAPS):
        factors = rows[k + 1 :, k] / rows[k, k]
        rows[k + 1 :, k + 1 :] -= factors[:, None] * rows[k, k + 1 :]
    found = np.zeros((TAPS, TARGETS, rows.shape[2]))
    for k in reversed(range(TAPS)):
        found[k] = rows[k, TAPS:] / rows[k, k]
        rows[:k, TAPS:] -= rows[:k, k, None] * found[k]
    return np.ascontiguousarray(np.moveaxis(found, 2, 0))


def squared_errors(sums: Sums, filters: Floats) -> Floats:
    """The squared error that each of several sets of filters leaves over the pixels of `sums`,
    (sets, n): by the sums alone, t't - 2 w'z't + w'z'z w, so that no picture is enlarged. Not
    rounded to whole grey levels and not cut at 0 and 255.

    Args:
        filters: (sets, classes, TAPS, TARGETS)
    """
    sets, count = filters.shape[:2]
    of_class = equations.unpacked(gradients.coarser(sums, count))
    total = np.zeros(sets * TARGETS)
    for start in range(0, count, BLOCK):
        z = of_class[start : start + BLOCK]
        w = np.moveaxis(filters[:, start : start + BLOCK], 0, 2).reshape(len(z), TAPS, -1)
        given = np.repeat(-2 * z[:, :TAPS, None, TAPS:], sets, axis=2).reshape(w.shape)
        for k in range(TAPS):
            given += z[:, :TAPS, k, None] * w[:, None, k]
        given *= w
        total += given.reshape(-1, sets * TARGETS).sum(axis=0)  # row by row
        total += np.tile(np.diagonal(z, axis1=1, axis2=2)[:, TAPS:].sum(axis=0), sets)
    four = total.reshape(sets, TARGETS)
    found: Floats = four[:, 0] + four[:, 1] + four[:, 2] + four[:, 3]
    return found


def upscaled(lr: Luma, filters: Filters) -> Luma:
    """A luma at twice its size, (h, w) to (2 h, 2 w), rounded and cut at 0 and 255; LR goes on
    beyond its edge as its outermost pixels."""
    wide = np.pad(lr, EDGE, mode="edge")
    of_class = gradients.coarser_class(len(filters))[
        gradients.classes(
            wide[
                EDGE - gradients.REACH : wide.shape[0] - EDGE + gradients.REACH,
                EDGE - gradients.REACH : wide.shape[1] - EDGE + gradients.REACH,
            ]
        )
    ].ravel()
    order = np.argsort(of_class, kind="stable")
    ends = np.searchsorted(of_class[order], np.arange(len(filters) + 1))
    whole = np.round(filters * PARTS)
    nothing = np.zeros((SCALE * wide.shape[0], SCALE * wide.shape[1]), np.uint8)
    middle = lr.astype(np.float64).ravel()
    found = np.empty((order.size, TARGETS))
    for i in range(len(filters)):
        for start in range(ends[i], ends[i + 1], FEW):
            chosen = order[start : min(start + FEW, ends[i + 1])]
            taps = equations.values(wide, nothing, chosen)[:, :TAPS]
            found[chosen] = np.floor((taps @ whole[i]) / PARTS + 0.5) + middle[chosen, None]
    height, width = lr.shape
    blocks = found.clip(0, 255).astype(np.uint8).reshape(height, width, SCALE, SCALE)
    return blocks.swapaxes(1, 2).reshape(SCALE * height, SCALE * width)


def bicubic(lr: Luma) -> Luma:
    """What one compares with: a luma at twice its size by Pillow's BICUBIC."""
    height, width = lr.shape
    size = (SCALE * width, SCALE * height)
    return np.asarray(Image.fromarray(lr).resize(size, Image.Resampling.BICUBIC))
