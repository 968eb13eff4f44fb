"""The scoring engine: files in, one score per file out, the same alone or in a batch.

Worker processes read files and cut crops; this process fills batches of one fixed size with the
crops of whatever images come, runs the network, and takes the weighted mean of each image's crops.
A large image is cut in parts, so memory is bounded by the batches and not by the images.

The network runs on OpenVINO in float32, its tensors all of one shape: 2.8 times as fast as plain
PyTorch (bench/README.md).
"""

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common import crops, images, workers
from stages.common.errors import UserError
from stages.common.tables import Item

VERSION = 1  # of everything here that a score depends on; part of the store's key
BATCH = 16  # crops the network takes at once
PART = 64  # crops a worker cuts at once: 10 MB

Run = Callable[[NDArray[Any]], NDArray[np.float32]]  # (BATCH, 224, 224, 3) to (BATCH,)


class Part(NamedTuple):
    """Some crops of an image: what one worker cuts at once."""

    item: Item
    first: int
    last: int


def parts(items: Sequence[Item], policy: str) -> Iterator[Part]:
    """Share an image's crops out so that no part has more than `PART`."""
    for item in items:
        total = crops.count(policy, item.width, item.height)
        for first in range(0, total, PART):
            yield Part(item, first, min(first + PART, total))


def cut(part: Part, *, folder: Path, policy: str) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Read an image and cut a part of its crops; gives crops and weights.

    Raises:
        UserError: where the file is not the one that its table lists: a score must never get a
        wrong key.
    """
    path, item = folder / part.item.path, part.item
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != item.sha256:
            raise UserError(f"{path} has changed since it was listed: run `dvc repro` again")
        pixels = images.decode(content)
    except (OSError, images.ImageError) as error:
        raise UserError(f"{path} can't be read any more ({error}): run `dvc repro` again") from None
    plan = crops.plan(policy, item.width, item.height, seed=item.sha256)
    return (
        crops.cut(pixels, plan, first=part.first, last=part.last),
        plan.weights[part.first : part.last],
    )


def score(
    items: Sequence[Item], folder: Path, *, policy: str, network: Run
) -> Iterator[tuple[str, float]]:
    """Score images.

    Args:
        items: the images, their paths below `folder`.
        policy: a key of `crops.POLICIES`.
        network: from `openvino_network`.

    Yields:
        SHA-256 and score, each image once, in no stated order.
    """
    waiting: dict[str, int] = {}  # crops of an image that have no score yet
    sums: dict[str, float] = defaultdict(float)
    batches: dict[Any, Batch] = {}  # by dtype: few policies give anything but uint8

    def done(results: Iterator[tuple[str, float]]) -> Iterator[tuple[str, float]]:
        for sha256, weighted in results:
            sums[sha256] += weighted
            waiting[sha256] -= 1
            if waiting[sha256] == 0:
                del waiting[sha256]
                yield sha256, sums.pop(sha256)

    for item in items:
        waiting[item.sha256] = crops.count(policy, item.width, item.height)
    work = list(parts(items, policy))
    cut_parts = workers.ordered_map(partial(cut, folder=folder, policy=policy), work)
    for part, (pixels, weights) in zip(work, cut_parts, strict=True):
        batch = batches.setdefault(pixels.dtype, Batch(network, pixels.dtype))
        for crop, weight in zip(pixels, weights, strict=True):
            yield from done(batch.add(part.item.sha256, crop, float(weight)))
    for batch in batches.values():
        yield from done(batch.flush())


class Batch:
    """Crops of any images on their way to the network."""

    def __init__(self, network: Run, dtype: Any) -> None:
        self.network = network
        self.pixels = np.zeros((BATCH, crops.CROP, crops.CROP, 3), dtype)
        self.owners: list[tuple[str, float]] = []

    def add(self, sha256: str, crop: NDArray[Any], weight: float) -> Iterator[tuple[str, float]]:
        """Take a crop; give the hash and weighted score of every crop that this finishes."""
        self.pixels[len(self.owners)] = crop
        self.owners.append((sha256, weight))
        if len(self.owners) == BATCH:
            yield from self.flush()

    def flush(self) -> Iterator[tuple[str, float]]:
        """Score what is there; the rest of the batch holds old crops, whose scores are not read."""
        owners, self.owners = self.owners, []
        if owners:
            scores = self.network(self.pixels)
            for (sha256, weight), value in zip(owners, scores.tolist(), strict=False):
                yield sha256, weight * value


def openvino_network(network: Any) -> Run:
    """Compile a `network.HyperIQA` for the CPU: (BATCH, 224, 224, 3) of 0..255 to (BATCH,)."""
    import openvino  # slow to import, and not needed where every score is known
    import torch

    from stages.common.network import fold

    def compiled(dtype: str) -> Any:
        shape = (BATCH, crops.CROP, crops.CROP, 3)
        example = torch.zeros(shape, dtype=getattr(torch, dtype))
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer's, about code that does not depend on data
            graph = openvino.convert_model(
                fold(network),
                example_input=example,
                input=[(shape, openvino.Type(np.dtype(dtype)))],
            )
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        return openvino.Core().compile_model(graph, "CPU", config)

    models: dict[str, Any] = {}

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        name = pixels.dtype.name
        if name not in models:
            models[name] = compiled(name)
        return models[name](pixels)[0].copy()

    return run
