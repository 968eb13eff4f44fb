"""Where a video cuts from one scene to the next.

Each frame is shrunk to `SIZE` in Y, Cb and Cr, and of every cell of a grid of 3 x 3 each channel
gives a histogram. Where the histograms of the frames before and of those after are unlike, there is
a cut. Cells tell a cut from a pan that moves the same colours, and the smallest of the three
channels finds cuts between scenes of one brightness. A flash of one frame is lost in the means of
three; after a longer one the picture before it comes back.

Source: the histogram intersection of Swain and Ballard, "Color Indexing", IJCV 1991.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (63, 36)  # px, width and height, of a frame that is looked at
GRID = 3  # cells a side
BINS = 32
AROUND = 3  # frames whose mean is compared
WIDE = 2 * AROUND  # frames before and after a place that are looked at
APART = 4  # frames: of unlikenesses nearer to each other than this only the largest is a cut
UNLIKE = 0.4  # of 0..1

Histograms = NDArray[np.float32]  # (channels, cells, BINS), each histogram with sum 1


def histograms(planes: Sequence[NDArray[np.uint8]]) -> Histograms:
    """Of one frame, by its planes Y, Cb and Cr, or Y alone, each `(H, W) uint8`."""
    return np.stack([_of_cells(plane) for plane in planes])


def _of_cells(plane: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = np.asarray(Image.fromarray(plane).resize(SIZE, Image.Resampling.BOX))
    width, height = (side // GRID for side in SIZE)
    cell = np.arange(GRID).repeat(height)[:, None] * GRID + np.arange(GRID).repeat(width)
    places = cell * BINS + small // (256 // BINS)
    counts = np.bincount(places.ravel(), minlength=GRID * GRID * BINS).reshape(-1, BINS)
    return (counts / (width * height)).astype(np.float32)


def unlikeness(frames: Sequence[Histograms]) -> float:
    """How unlike the frames before a place and those from it on are, 0..1, by `2 * WIDE` of them.

    Two means of `AROUND` frames are compared, those at the place; and each of them with the next
    mean beyond the other, of which one is from outside where this is the edge of a flash.
    """
    far_before, before, after, far_after = (
        np.mean(frames[i : i + AROUND], axis=0) for i in range(0, 2 * WIDE, AROUND)
    )
    return min(_unlike(before, after), _unlike(far_before, after), _unlike(before, far_after))


def _unlike(one: Histograms, other: Histograms) -> float:
    return float(1 - np.minimum(one, other).sum(axis=2).min(axis=0).mean())


def cuts(values: Sequence[float]) -> list[int]:
    """The numbers of the frames that begin a scene, the first one's 0 apart, by the `unlikeness`
    of the frames before and after each."""
    found = []
    for number, value in enumerate(values):
        if value <= UNLIKE:
            continue
        near = values[max(0, number - APART) : number + APART + 1]
        first = values.index(max(near), max(0, number - APART)) == number  # of equal ones
        if number and first:
            found.append(number)
    return found
