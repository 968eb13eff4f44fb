"""Likeness of pictures, by the bits in which their difference hashes differ."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Among 945 photographs (LIVE In the Wild and the samples) no two different ones are nearer than 42
# bits; of their copies at half size 99.9%, at JPEG quality 30 98%, at a third and quality 60 97%
# are at most this far from the original.
NEAR_BITS = 32
BITS = 256


def distances(dhash: str, others: Sequence[str]) -> NDArray[np.int64]:
    """Hamming distances between one hash and each of the others, 0..256."""
    bits = _bits([dhash])
    counts: NDArray[np.int64] = np.bitwise_count(_bits(others) ^ bits).sum(axis=1, dtype=np.int64)
    return counts


def _bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), BITS // 64)
