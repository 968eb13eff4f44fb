"""Frames whose even and odd rows are of two times, as video of television has them.

A row of such a frame sticks out from both its neighbours wherever something moves. Fine patterns
do so as well, so two comparisons tell them apart. Within a field, where rows are two apart, a
pattern sticks out as often, and motion does not. And where one field is exchanged for that of the
frame before, a whole frame that moves gets worse; one of two times does not: in interlaced video
the other field is as near in time, in film that became video it may be the right one.

Source: the comb test of Donald Graft's Telecide, steps to both neighbours of one sign; its matches
of fields.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STEPS = 100  # grey levels squared: two steps whose product is larger stick out
COLUMNS = 4  # of so many columns one is looked at
FLOOR = 0.002  # of 0..1: so few pixels say nothing
BETTER = 0.9  # of the pixels that stick out: with so few and fewer a frame's own fields fit
MOVES = 10, 0.005  # grey levels by which a pixel changes; share of pixels, 0..1, that do
# A frame is combed whose quotient is larger than the first number; and clean whose quotient is no
# more than that of the cleanest near it, by the factor and the sum that follow.
ALONE = 0.7, 1.2, 0.03
FITTING = 1.0, 4.0, 0.3  # of frames whose fields fit: sharp ones among blurred ones, too
NEAR = 2  # frames before and after: of any five of film in video (3:2) three are whole

Luma = NDArray[np.uint8]


class Combing(NamedTuple):
    """What the rows of a frame tell."""

    quotient: float  # pixels that stick out, by those that do within fields; combed: about 1, more
    fits: bool  # nothing moves, or its own fields fit better than those of the frame before


def combing(luma: Luma, before: Luma | None) -> Combing:
    """Look at a frame and at the one before it, `(H, W) uint8` each."""
    some = luma[:, ::COLUMNS].astype(np.int32)
    own = _sticking_out(some, 1)
    quotient = own / (_sticking_out(some, 2) + FLOOR)
    if before is None:
        return Combing(quotient, False)
    others = before[:, ::COLUMNS].astype(np.int32)
    levels, share = MOVES
    if (np.abs(some - others) > levels).mean() < share:
        return Combing(quotient, True)
    woven = [some.copy(), others.copy()]
    woven[0][1::2], woven[1][1::2] = others[1::2], some[1::2]
    return Combing(quotient, own < BETTER * min(_sticking_out(w, 1) for w in woven))


def _sticking_out(luma: NDArray[np.int32], step: int) -> float:
    middle, above, below = luma[step:-step], luma[: -2 * step], luma[2 * step :]
    if middle.size == 0:
        return 0.0
    return float(((middle - above) * (middle - below) > STEPS).mean())


def clean(frames: Sequence[Combing]) -> list[bool]:
    """Which frames are whole: not combed, and hardly more so than the least of those near them."""
    found = []
    for frame, least in zip(frames, _least_near([f.quotient for f in frames]), strict=True):
        most, factor, more = FITTING if frame.fits else ALONE
        found.append(frame.quotient <= min(most, factor * least + more))
    return found


def is_interlaced(frames: Sequence[Combing]) -> bool:
    """Whether most frames of a video are combed, and all near them, too."""
    combed = [f.quotient > (FITTING if f.fits else ALONE)[0] for f in frames]
    return 2 * sum(_least_near(list(map(float, combed)))) > len(frames)


def _least_near(values: Sequence[float]) -> list[float]:
    """For each frame the least of those within `NEAR`, itself included."""
    return [min(values[max(0, i - NEAR) : i + NEAR + 1]) for i in range(len(values))]
