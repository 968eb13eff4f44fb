"""Check a network before it is used, and while it is used.

The CPU's network in fp32 (`backends.EXACT`) counts as exact. Any other is first compared with it on
some crops, and watched from then on: an exception, a score that is not finite and an answer that
does not come in time each become a `NetworkError`. The caller decides what follows from it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.common.daemons import GIVEN_UP, Daemons, HungError
from stages.common.hyperiqa import backends, crops, scorer
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.pixels import pictures
from stages.common.pixels.pictures import Picture
from stages.common.sources import Root

R = TypeVar("R")

# How far an image's score may be from the CPU's in fp32, on 0..1. Of 184 crops of the sample
# photographs the worst is off by 0.005 in fp16 and by 0.10 in bf16 (both on a CPU), and an image by
# less. Their scores' standard deviation is 0.2, so a network whose scores say nothing is noticed.
TOLERANCES = {"fp32": 0.001, "fp16": 0.01, "bf16": 0.15}
IMAGES = 12  # that are compared
CROPS = 9  # of each of them: all of a tile of 512 px; 108 take the CPU 1 to 6 s by the model
COMPILE_SECONDS = 300.0  # with all libraries read for the first time; mostly it takes 1 to 10
BATCH_SECONDS = (
    120.0  # 1024 crops take a slow GPU a few seconds; two threads may wait for each other
)


class NetworkError(Exception):
    """The fault of a network other than the exact one, in one line without a remedy."""


def guarded(make: Callable[[], Network], name: str) -> Network:
    """Make a network whose faults, whatever they are, come as a `NetworkError`.

    Args:
        make: compiles it.
        name: what it is called in the fault, as "cuda fp16".
    """
    faults: list[str] = []

    def watched(daemons: Daemons, seconds: float, function: Callable[..., R], *given: object) -> R:
        if faults:  # else each batch that is left would run into the same time limit
            raise NetworkError(faults[0])
        try:
            return daemons.call(seconds, function, *given)
        except Exception as error:
            faults.append(f"{name}: {_reason(error, seconds)}")
            GIVEN_UP.set()
            raise NetworkError(faults[0]) from error

    network = watched(Daemons(1), COMPILE_SECONDS, make)
    threads = Daemons(network.threads)  # for all batches: libraries keep things by thread

    def finite(pixels: NDArray[Any]) -> NDArray[np.float32]:
        scores = network.run(pixels)
        if not np.isfinite(scores).all():
            raise NetworkError("a crop's score is not a finite number")
        return scores

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        return watched(threads, BATCH_SECONDS, finite, pixels)

    return network._replace(run=run)


def compiled(checkpoint: Checkpoint, device: str, precision: str) -> Network:
    """Compile the network of a checkpoint.

    Raises:
        NetworkError: where a network that is not the exact one does not compile.
        UserError: where the weights have another hash by now.
    """
    make = partial(backends.network_on, device, precision, checkpoint)
    exact = (device, precision) == backends.EXACT
    return make() if exact else guarded(make, f"{device} {precision}")


def compare(
    wanted: Sequence[Picture],
    root: Root,
    policy: str,
    *,
    network: "Future[Network]",
    exact: "Future[Network]",
    name: str,
) -> str:
    """Compare a network with the exact one on some of the pictures that are to be scored.

    Each of its threads runs at least two full batches, so that buffers are used a second time, and
    a crop has another place in each batch.

    Args:
        wanted: the pictures, at least one.
        root: where the photographs lie.
        policy: a key of `crops.POLICIES`.
        network: made by `guarded`.
        name: what it is called, as "cuda fp16".

    Returns:
        One line of text for the terminal.

    Raises:
        NetworkError: where they disagree, or the network fails.
        UserError: where a file is not the one its table lists.
    """
    cropped = sample(wanted, root, policy)
    tried = network.result()
    count = sum(map(len, cropped))
    rounds = -(-2 * tried.threads * tried.batch // count)
    found = image_scores(tried, cropped, rounds)
    error = float(np.abs(found - image_scores(exact.result(), cropped, 1)).max())
    allowed = TOLERANCES[tried.precision]
    on = f"on {count} crops of {len(cropped)} of these images"
    if not error <= allowed:  # nor where it is not a number
        raise NetworkError(
            f"{name} differs from cpu fp32 by {error:.2g} {on}, more than {allowed:g}"
        )
    return f"{name} agrees with cpu fp32 {on}: largest error {error:.2g}, allowed {allowed:g}"


def sample(wanted: Sequence[Picture], root: Root, policy: str) -> list[NDArray[Any]]:
    """Some crops, from the middle of some pictures: of each (n, 224, 224, 3), n >= 1."""
    cropped = []
    for picture in sorted(wanted, key=lambda picture: picture.pixels)[:IMAGES]:
        pixels = pictures.pixels(root, picture)
        layout = scorer.plan(picture, policy)
        first = max(0, (len(layout.boxes) - CROPS) // 2)
        cropped.append(crops.extract(pixels, layout, first=first, last=first + CROPS))
    pictures.forget()
    return cropped


def image_scores(
    network: Network, cropped: Sequence[NDArray[Any]], rounds: int
) -> NDArray[np.float64]:
    """The mean score of each image's crops on about 0..1, as often as asked: (rounds, images)."""
    every = [crop for image in cropped for crop in image]
    scores = np.full(rounds * len(every), np.nan)
    with scorer.Batches(network) as batches:
        for i in range(len(scores)):
            for place, score in batches.add(str(i), every[i % len(every)], network.scale):
                scores[int(place)] = score
        for place, score in batches.rest():
            scores[int(place)] = score
    starts = np.cumsum([0, *map(len, cropped[:-1])])
    sums = np.add.reduceat(scores.reshape(rounds, -1), starts, axis=1)
    means: NDArray[np.float64] = sums / [len(image) for image in cropped]
    return means


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, HungError):
        return f"no answer within {seconds:g} s"
    if type(error).__name__ == "OutOfMemoryError":  # of PyTorch; without importing it for its name
        return "too little free memory on the GPU (end what else runs on it)"
    if isinstance(error, NetworkError):
        return str(error)
    return f"{type(error).__name__}: {error}".partition("\n")[0]
