"""The scoring engine: pictures in, one score per picture out, the same alone or in a batch.

Worker processes read photographs and cut crops into slots of shared memory; this process fills
batches of one fixed size with the crops of whatever pictures come; threads run the network on them;
a picture's score is the weighted mean of its crops' scores. A large one is cut in parts, so memory
is bounded by slots and batches, and not by the images.
"""

import functools
import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common import workers
from stages.common.hyperiqa import backends, crops, sizes
from stages.common.hyperiqa.backends import Network
from stages.common.pixels import pictures
from stages.common.pixels.pictures import Picture
from stages.common.sources import Root

VERSION = 1  # of everything here that a score depends on; part of the store's key
PART = 32  # crops that a worker cuts at once, and that a slot holds: 4.8 MB
CROP_SHAPE = (crops.CROP, crops.CROP, 3)

Scored = Iterator[tuple[str, float]]  # a picture's key; its score, or a part of it
Owners = list[tuple[str, float]]  # for each crop of a batch: its picture's key, its weight


class Part(NamedTuple):
    """Some crops of a picture: what one worker cuts at once, and into which slot."""

    picture: Picture
    photograph: int  # its number: one worker has all parts of a photograph, and reads it once
    first: int
    last: int
    slot: int


class PartCrops(NamedTuple):
    """What a worker returns for a part.

    Attributes:
        pixels: (n, 224, 224, 3), or None where they lie in the part's slot.
        weights: n of them, of the crops.
    """

    pixels: NDArray[Any] | None
    weights: list[float]


def fingerprint(
    weights_sha256: str, policy: str, device: str, precision: str, edge: int | None = None
) -> str:
    """Everything but the pixels that a score depends on. No device is given another's scores, and
    no size another's."""
    versions = f"{crops.POLICIES[policy]} scorer {VERSION}"
    rounding = "fp32" if (device, precision) == backends.EXACT else f"{device} {precision}"
    engine = f"{backends.engine(device)}{sizes.key(edge)}"
    return f"hyperiqa {weights_sha256} {policy} {versions} {rounding} {engine}"


def plan(picture: Picture, policy: str) -> crops.Plan:
    """The crops of a picture; see `score`."""
    return crops.plan(policy, picture.width, picture.height, seed=picture.pixels)


def parts(wanted: Sequence[Picture], policy: str, *, slots: int) -> Iterator[Part]:
    """Share the pictures' crops out, at most `PART` at once, over the slots in turn."""
    slot = itertools.cycle(range(slots))
    numbers: dict[str, int] = {}
    for picture in wanted:
        number = numbers.setdefault(picture.photograph, len(numbers))
        total = crops.count(policy, picture.width, picture.height)
        for first in range(0, total, PART):
            yield Part(picture, number, first, min(first + PART, total), next(slot))


def cut_part(part: Part, *, root: Root, policy: str, slots: str) -> PartCrops:
    """Cut a part's crops out of its picture and into its slot.

    Raises:
        UserError: where the photograph is not the one its table lists.
    """
    pixels = pictures.pixels(root, part.picture)
    layout = plan(part.picture, policy)
    cropped = crops.extract(pixels, layout, first=part.first, last=part.last)
    weights = layout.weights[part.first : part.last].tolist()
    if cropped.dtype != np.uint8:  # small enlarged images; they go through the pipe
        return PartCrops(cropped, weights)
    opened_slots(slots)[part.slot, : len(cropped)] = cropped
    return PartCrops(None, weights)


def score(
    wanted: Sequence[Picture], root: Root, *, policy: str, network: "Future[Network]"
) -> Scored:
    """Score pictures.

    Args:
        wanted: the pictures, no key twice; those of a photograph one after the other, or it is read
            several times.
        root: where the photographs lie.
        policy: a key of `crops.POLICIES`.
        network: what scores crops, from `backends`; it may still be compiled while images are read.

    Yields:
        A picture's key and its score, on about 0..1, in an order that the pictures alone decide.
    """
    left = {it.pixels: crops.count(policy, it.width, it.height) for it in wanted}
    sums = dict.fromkeys(left, 0.0)
    for key, weighted in _crop_scores(wanted, root, policy, network):
        sums[key] += weighted
        left[key] -= 1
        if left[key] == 0:
            yield key, network.result().scale * sums.pop(key)


def _crop_scores(
    wanted: Sequence[Picture], root: Root, policy: str, network: "Future[Network]"
) -> Scored:
    # Workers may be AHEAD parts each ahead of this process: more slots, so none is overwritten.
    there = workers.AHEAD * max(workers.worker_count(), 1) + 2
    with shared_slots(there) as slots, ExitStack() as stack:
        batches: Batches | None = None
        work = list(parts(wanted, policy, slots=there))
        task = functools.partial(cut_part, root=root, policy=policy, slots=slots)
        results = workers.ordered_map(task, work, same_process=lambda part: part.photograph)
        stack.enter_context(closing(results))  # so that a fault here ends the workers at once
        for part, result in zip(work, results, strict=True):
            if batches is None:  # until the first part is read, the network may still be compiled
                batches = stack.enter_context(Batches(network.result()))
            pixels = opened_slots(slots)[part.slot] if result.pixels is None else result.pixels
            for crop, weight in zip(pixels, result.weights, strict=False):
                yield from batches.add(part.picture.pixels, crop, weight)
        if batches is not None:
            yield from batches.rest()


class Batches:
    """Puts crops of any images together to full batches, and runs the network on these in threads.

    Crops of one dtype come back in the order they were added; each dtype has batches of its own.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.threads = ThreadPoolExecutor(network.threads)
        self.free: list[NDArray[Any]] = []
        self.filling: dict[np.dtype[Any], tuple[NDArray[Any], Owners]] = {}
        self.running: deque[tuple[NDArray[Any], Owners, Future[NDArray[np.float32]]]] = deque()

    def __enter__(self) -> "Batches":
        return self

    def __exit__(self, *_: object) -> None:
        self.threads.shutdown(cancel_futures=True)

    def add(self, key: str, crop: NDArray[Any], weight: float) -> Scored:
        """Take a crop; yield hash and weighted score of the crops that are done by now."""
        dtype = crop.dtype
        if dtype not in self.filling:
            self.filling[dtype] = (self._buffer(dtype), [])
        pixels, owners = self.filling[dtype]
        pixels[len(owners)] = crop
        owners.append((key, weight))
        if len(owners) == self.network.batch:
            self._start(dtype)
        while len(self.running) > 2 * self.network.threads:
            yield from self._finish()

    def rest(self) -> Scored:
        """Score what is left. Old crops fill up the last batch; their scores are ignored."""
        for dtype in list(self.filling):
            self._start(dtype)
        while self.running:
            yield from self._finish()

    def _start(self, dtype: np.dtype[Any]) -> None:
        pixels, owners = self.filling.pop(dtype)
        self.running.append((pixels, owners, self.threads.submit(self.network.run, pixels)))

    def _finish(self) -> Scored:
        pixels, owners, future = self.running.popleft()
        scores = future.result().tolist()
        self.free.append(pixels)
        for (key, weight), value in zip(owners, scores, strict=False):
            yield key, weight * value

    def _buffer(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        for i, pixels in enumerate(self.free):
            if pixels.dtype == dtype:
                return self.free.pop(i)
        return np.zeros((self.network.batch, *CROP_SHAPE), dtype)


@contextmanager
def shared_slots(count: int) -> Iterator[str]:
    """Memory that worker processes share: `count` slots of `PART` crops. Yields the path to open.

    Not multiprocessing's shared memory: that lies in /dev/shm, which containers often limit to
    64 MB, and a process that writes beyond that is killed. This memory is freed when the last
    process that uses it ends.
    """
    size = count * PART * int(np.prod(CROP_SHAPE))
    descriptor = os.memfd_create("crops")
    try:
        os.truncate(descriptor, size)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        opened_slots.cache_clear()
        os.close(descriptor)


@functools.cache
def opened_slots(path: str) -> NDArray[np.uint8]:
    """The slots, (count, PART, 224, 224, 3)."""
    return np.asarray(np.memmap(path, np.uint8, "r+")).reshape(-1, PART, *CROP_SHAPE)
