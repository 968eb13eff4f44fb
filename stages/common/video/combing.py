"""Frames whose even and odd rows are of two times, as video of television has them.

A row of such a frame sticks out from both its neighbours wherever something moves. Fine patterns
do so as well, but then rows of the same field, two apart, do so more often. So the share of pixels
that stick out is divided by that share within fields: on moving crops of 16 photographs the
quotient was 0.61 at most for whole frames, and 0.7 or more for nearly all woven ones.

Source: the comb test of Donald Graft's Telecide, steps to both neighbours of one sign.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEPS = 100  # grey levels squared: two steps whose product is larger stick out
COLUMNS = 4  # of so many columns one is looked at
FLOOR = 0.002  # of 0..1: so few pixels say nothing
COMBED = 0.7  # a quotient above is a combed frame's
LIKE = 1.2, 0.03  # a frame is as clean as the cleanest near it up to this factor and this much
NEAR = 2  # frames before and after: of any five of film in video (3:2) three are whole


def combing(luma: NDArray[np.uint8]) -> float:
    """How combed a frame is, 0 or more; about 1 and more where rows are of two times."""
    some = luma[:, ::COLUMNS].astype(np.int32)
    return _sticking_out(some, 1) / (_sticking_out(some, 2) + FLOOR)


def _sticking_out(luma: NDArray[np.int32], step: int) -> float:
    middle, above, below = luma[step:-step], luma[: -2 * step], luma[2 * step :]
    if middle.size == 0:
        return 0.0
    return float(((middle - above) * (middle - below) > STEPS).mean())


def clean(values: Sequence[float]) -> list[bool]:
    """Which frames are whole: not combed, and no more than the least combed of those near them."""
    factor, more = LIKE
    least = least_near(values)
    return [v <= COMBED and v <= factor * m + more for v, m in zip(values, least, strict=True)]


def is_interlaced(values: Sequence[float]) -> bool:
    """Whether most frames of a video are combed, and all near them, too."""
    return 2 * sum(value > COMBED for value in least_near(values)) > len(values)


def least_near(values: Sequence[float]) -> list[float]:
    """For each frame the least of those within `NEAR`, itself included."""
    return [min(values[max(0, i - NEAR) : i + NEAR + 1]) for i in range(len(values))]
