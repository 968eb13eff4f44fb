"""What each step of training sees: the same for all sets, as far as they hold the same images.

A slot is a place in the batch of a step. It takes, of the images of a set, the one with the highest
hash(seed, slot, image); where it cuts its patch, and how that is turned, depend on the slot alone.
So two sets share a slot's patch with the probability |both| / |either|: they are compared on
common random numbers, and what differs between their networks comes from what differs between them.

Source: highest random weight, Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit
        Rates", IEEE/ACM Transactions on Networking 6(1), 1998; the hash is splitmix64's, Steele,
        Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.uint64]
GAMMA = np.uint64(0x9E3779B97F4A7C15)
AT_ONCE = 1 << 20  # hashes that are made at once: 8 MB


class Cut(NamedTuple):
    """Where a slot cuts, and how the patch is turned."""

    down: float  # 0..1 of the rows that a patch can begin at
    right: float
    turn: int  # 0..7: bit 0 mirrors left and right, 1 top and bottom, 2 rows and columns


def mixed(values: Whole) -> Whole:
    """A hash of each number, 64 bits."""
    found = values + GAMMA
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def key(identity: str) -> int:
    """An image's number, 64 bits, of what it is."""
    return int.from_bytes(hashlib.sha256(identity.encode(errors="surrogateescape")).digest()[:8])


def numbers(seed: int, slots: int) -> Whole:
    """The slots' numbers, (slots,)."""
    return mixed(np.arange(slots, dtype=np.uint64) ^ mixed(np.array([seed], np.uint64)))


def taken(slots: Whole, keys: Sequence[int]) -> NDArray[np.intp]:
    """Which image each slot takes, (slots,), as an index of `keys`; at least one."""
    images = np.array(keys, np.uint64)
    step = max(1, AT_ONCE // len(images))
    return np.concatenate(
        [
            mixed(slots[start : start + step, None] ^ images).argmax(axis=1)
            for start in range(0, len(slots), step)
        ]
    )


def cuts(slots: Whole) -> list[Cut]:
    """Where each slot cuts."""
    down, right, turn = (mixed(slots + np.uint64(i)) for i in (1, 2, 3))
    share = 2.0**-53
    return [
        Cut(*place)
        for place in zip(
            ((down >> np.uint64(11)) * share).tolist(),
            ((right >> np.uint64(11)) * share).tolist(),
            (turn & np.uint64(7)).astype(int).tolist(),
            strict=True,
        )
    ]
