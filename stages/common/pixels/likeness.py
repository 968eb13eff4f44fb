"""Likeness of pictures: equal pixels, or difference hashes that differ in few bits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.common.pixels.images import Pixels

# The most bits in which the hash of a copy may differ. Measured on 945 photographs (LIVE In the
# Wild and the samples): two different ones differ by 42 bits or more. Within the limit are 99.9% of
# their copies at half size, 98% at JPEG quality 30, and 97% at a third of the size and quality 60.
NEAR_BITS = 32
DHASH_SIDE = 16  # rows, and comparisons a row
BITS = DHASH_SIDE**2


def dhash(pixels: Pixels) -> str:
    """256-bit difference hash, 64 hexadecimal digits.

    The picture is scaled to 17 x 16 grey cells. Row by row, a bit says whether a cell is brighter
    than its left neighbour. Scaling, compressing and brightening a picture change few bits.

    Source: http://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
    """
    size = (DHASH_SIDE + 1, DHASH_SIDE)
    grey = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BOX)
    cells = np.asarray(grey)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes().hex()


def distances(one: str, others: Sequence[str]) -> NDArray[np.int64]:
    """Hamming distances between one hash and each of the others, 0..256."""
    bits = _bits([one])
    counts: NDArray[np.int64] = np.bitwise_count(_bits(others) ^ bits).sum(axis=1, dtype=np.int64)
    return counts


def _bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(len(hashes), BITS // 64)
