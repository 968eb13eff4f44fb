"""Score pictures here, or share them out over a cluster (`workers.engine`).

On a cluster a task gets some pictures, reads them where it runs, and has a network of its own,
which is compiled once a process: so only hashes and scores travel back. A task on a CPU reads with
one thread beside those of its network; one with a GPU has processes that read for it.
"""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from stages.common import workers
from stages.common.hyperiqa import scorer, trust
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.hyperiqa.scorer import Scored
from stages.common.pixels.pictures import Picture
from stages.common.sources import Root


def score(
    wanted: Sequence[Picture],
    root: Root,
    policy: str,
    checkpoint: Checkpoint,
    kind: tuple[str, str],
    network: Callable[[], "Future[Network]"],
) -> Scored:
    """Score pictures; see `scorer.score`.

    Args:
        kind: device and precision.
        network: gives what scores here; on a cluster, it is not asked for.
    """
    if workers.engine() == "local":
        return scorer.score(wanted, root, policy=policy, network=network())
    there = partial(score_there, root=root, policy=policy, checkpoint=checkpoint, kind=kind)
    return workers.chunk_map(there, wanted, gpu=kind[0] == "cuda")


def score_there(
    wanted: Sequence[Picture],
    *,
    root: Root,
    policy: str,
    checkpoint: Checkpoint,
    kind: tuple[str, str],
) -> list[tuple[str, float]]:
    """Of each picture its key and score, in the order of the pictures."""
    network: Future[Network] = Future()
    network.set_result(compiled(checkpoint, *kind))
    found = dict(scorer.score(wanted, root, policy=policy, network=network))
    return [(it.pixels, found[it.pixels]) for it in wanted]


@functools.cache
def compiled(checkpoint: Checkpoint, device: str, precision: str) -> Network:
    """The network of this process."""
    return trust.compiled(checkpoint, device, precision)
