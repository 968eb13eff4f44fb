"""The embedding of a photograph: 128 numbers that edited copies of it share, and others do not.

The photograph is squeezed to 224x224 and goes through the backbone of the built-in scorer: as it
is, mirrored, and both at half the resolution. The maps at strides 16 and 32 have 432 channels, and
each gives six numbers: its mean, and how it changes from top to bottom and towards the sides
(features.py). What `training/whitening.py` has fitted turns them into 128 numbers in which
photographs differ and edited copies don't. Of these the direction alone counts: it is kept as
signed bytes, the largest of which is 127 or -127.

All of it is frozen: the numbers of a photograph depend on no other one.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from PIL import Image

from stages.common import files
from stages.common.errors import UserError
from stages.common.hyperiqa import backends, checkpoints, graphs, models
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.graphs import Graph
from stages.common.pixels import images
from stages.common.pixels.images import Pixels

SIDE = 224  # px, of the square that a photograph is squeezed to
MODEL = "builtin"  # whose backbone it is, whatever scores
WHITENING = "embedding.safetensors"  # in the folder of weights: mean (2592,), matrix (128, 2592)
FEATURES = 2592

K = TypeVar("K")
Squeezed = Pixels  # (224, 224, 3)


class Whitening(NamedTuple):
    """From features to an embedding."""

    mean: NDArray[np.float64]  # (2592,)
    matrix: NDArray[np.float64]  # (128, 2592)


class Embedder(NamedTuple):
    """All that turns pixels into embeddings."""

    network: Network  # gives features, (batch, 2592) float32
    whitening: Whitening


def squeezed(pixels: Pixels) -> Squeezed:
    """A photograph scaled to 224x224, whatever its shape."""
    return images.resize(pixels, SIDE, SIDE, Image.Resampling.BICUBIC)


def check(weights_folder: Path) -> None:
    """The weights and the whitening must be there.

    Raises:
        UserError: where one is not.
    """
    path = models.locate(MODEL, weights_folder)
    models.check_pinned(MODEL, path, path.stat().st_size, files.sha256_of(path))
    path = weights_folder / WHITENING
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; run `git checkout -- {path}`: it is part of this repository"
        )


def fingerprint(weights_folder: Path) -> str:
    """The weights, the whitening and the engine that an embedding depends on.

    Raises:
        UserError: where the weights are missing.
    """
    check(weights_folder)
    weights = files.sha256_of(models.locate(MODEL, weights_folder))
    whitening = files.sha256_of(weights_folder / WHITENING)
    return f"embedding {weights} {whitening} {backends.engine('cpu')}"


def load(weights_folder: Path) -> Embedder:
    """Compile the network for the CPU, in fp32 on every machine."""
    found = safetensors.numpy.load_file(weights_folder / WHITENING)
    whitening = Whitening(*(found[name].astype(np.float64) for name in Whitening._fields))
    return Embedder(features_network(weights_folder), whitening)


def features_network(weights_folder: Path) -> Network:
    """The network up to the features: (batch, 224, 224, 3) uint8 to (batch, 2592) float32."""
    checkpoint = checkpoints.find(MODEL, weights_folder)

    def convert() -> Graph:
        from stages.common.near.features import Features  # brings torch

        module = Features(checkpoint.load().network)
        return Graph(graphs.converted(module, backends.CPU_SHAPE, "uint8"))

    name = f"features {checkpoint.sha256}"
    return backends.openvino_compiled(lambda _: graphs.kept(name, convert))


def embedded(items: Iterable[tuple[K, Squeezed]], embedder: Embedder) -> Iterator[tuple[K, bytes]]:
    """Embeddings of squeezed photographs, each with its key, in their order: 128 signed bytes."""
    for key, features in all_features(items, embedder.network):
        yield key, code(features, embedder.whitening)


def all_features(
    items: Iterable[tuple[K, Squeezed]], network: Network
) -> Iterator[tuple[K, NDArray[np.float32]]]:
    """Features of squeezed photographs, each with its key, in their order. Batches are always full,
    the last one with what fills it up, so that no row depends on how many there are."""
    running: deque[tuple[list[K], Future[NDArray[Any]]]] = deque()
    keys: list[K] = []
    pixels = np.zeros((network.batch, SIDE, SIDE, 3), np.uint8)
    with ThreadPoolExecutor(network.threads) as threads:

        def start() -> None:
            nonlocal keys, pixels
            running.append((keys, threads.submit(network.run, pixels)))
            keys, pixels = [], np.zeros_like(pixels)

        for key, picture in items:
            pixels[len(keys)] = picture
            keys.append(key)
            if len(keys) == network.batch:
                start()
            while len(running) > 2 * network.threads:
                yield from _finished(*running.popleft())
        if keys:
            start()
        while running:
            yield from _finished(*running.popleft())


def _finished(
    keys: list[K], future: "Future[NDArray[Any]]"
) -> Iterator[tuple[K, NDArray[np.float32]]]:
    yield from zip(keys, future.result(), strict=False)


def code(features: NDArray[np.float32], whitening: Whitening) -> bytes:
    """One photograph's features as its embedding."""
    numbers = whitening.matrix @ (features.astype(np.float64) - whitening.mean)
    largest = np.abs(numbers).max() or 1.0
    return bytes(np.rint(numbers / largest * 127).astype(np.int8))
