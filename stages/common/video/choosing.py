"""Which frames of a video become stills.

`measured` looks at every frame and decides nothing, `chosen` decides by numbers alone.
"""

import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.common.video import colour, combing, cuts
from stages.common.video.combing import Combing

AWAY = 3  # frames between a still and the nearest cut, at least
QUALITY = 75  # of the JPEG whose bits say how much detail there is


class Measures(NamedTuple):
    """What is known of a frame."""

    seconds: float  # from the start
    bits: int  # of its luma as JPEG; 0 where the decoder says that it is damaged
    combing: Combing
    unlikeness: float  # of the frames before it and those from it on, 0..1


class Choice(NamedTuple):
    """A frame that becomes a still."""

    frame: int
    scene: int  # from 0


def measured(frames: Iterable[tuple[int, Any]]) -> Iterator[Measures]:
    """Measures of all frames, in their order; a few frames are held at a time."""
    seen: deque[cuts.Histograms] = deque(maxlen=2 * cuts.WIDE)
    waiting: deque[Measures] = deque()
    before: NDArray[np.uint8] | None = None

    def passed(histograms: cuts.Histograms) -> Iterator[Measures]:
        """The frame with `WIDE` frames behind it, itself included, as soon as there is one."""
        seen.append(histograms)
        if len(seen) == seen.maxlen:
            yield waiting.popleft()._replace(unlikeness=cuts.unlikeness(list(seen)))

    for _, frame in frames:
        planes = [colour.in_8_bits(p, frame_bits(frame)) for p in colour.planes(frame)]
        found = cuts.histograms(planes)
        if not seen:  # as if the first frame had been there before, and the last stayed
            seen.extend([found] * cuts.WIDE)
        bits = 0 if frame.is_corrupt else bits_of(planes[0])
        seconds = float(frame.time) if frame.time is not None else 0.0
        waiting.append(Measures(seconds, bits, combing.combing(planes[0], before), 0.0))
        before = planes[0]
        yield from passed(found)
    while waiting:
        yield from passed(found)


def frame_bits(frame: Any) -> int:
    """Bits of a value of a frame's luma."""
    return int(frame.format.components[0].bits) if not frame.format.is_rgb else 8


def bits_of(luma: NDArray[np.uint8]) -> int:
    """How much detail a picture has: bits of it as JPEG. Of frames of one video the sharp ones have
    most."""
    buffer = io.BytesIO()
    Image.fromarray(luma).save(buffer, "JPEG", quality=QUALITY)
    return 8 * buffer.tell()


def scenes(frames: Sequence[Measures]) -> int:
    """How many scenes a video has."""
    return 1 + len(cuts.cuts([frame.unlikeness for frame in frames]))


def chosen(frames: Sequence[Measures], every: float) -> list[Choice]:
    """The stills of a video: of each scene the frame with most detail, and of a long one more, at
    least `every` seconds apart, by detail. None is near a cut, combed or damaged."""
    starts = [0, *cuts.cuts([frame.unlikeness for frame in frames])]
    clean = combing.clean([frame.combing for frame in frames])
    found = []
    for scene, (start, end) in enumerate(pairwise([*starts, len(frames)])):
        first = start + (AWAY if start else 0)
        last = end - (AWAY if end < len(frames) else 0)
        usable = [i for i in range(first, last) if clean[i] and frames[i].bits]
        taken = best(usable, frames, every)
        found += [Choice(i, scene) for i in {least_combed(i, usable, frames) for i in taken}]
    return sorted(found)


def least_combed(number: int, usable: Sequence[int], frames: Sequence[Measures]) -> int:
    """The same frame where its fields fit, else the least combed of those near it."""
    if frames[number].combing.fits:
        return number
    near = [i for i in usable if abs(i - number) <= combing.NEAR]
    return min(near, key=lambda i: (frames[i].combing.quotient, abs(i - number), i))


def best(numbers: Sequence[int], frames: Sequence[Measures], every: float) -> list[int]:
    """Of these frames those with most detail, each `every` seconds from all that are taken."""
    taken: list[int] = []
    slots: dict[int, list[float]] = {}  # times that are taken, by how many `every` they are
    for number in sorted(numbers, key=lambda i: (-frames[i].bits, i)):
        seconds = frames[number].seconds
        slot = int(seconds // every)
        near = (t for s in (slot - 1, slot, slot + 1) for t in slots.get(s, ()))
        if all(abs(t - seconds) >= every for t in near):
            taken.append(number)
            slots.setdefault(slot, []).append(seconds)
    return taken
