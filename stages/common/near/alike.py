"""Whether two photographs are nearly the same picture: by their hashes, or by their embeddings.

The hash (pixels/likeness.py) sees where a picture is bright; it knows scaled, compressed,
brightened and grey copies. The embedding (embedder.py) sees what there is; it also knows cropped
and mirrored copies, and shots of one scene.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stages.common.errors import UserError
from stages.common.pixels.likeness import BITS, NEAR_BITS
from stages.common.rows import Embedded, Photograph


class Bounds(NamedTuple):
    """Two photographs are alike that differ by no more than one of them says."""

    bits: int  # of the hash, 0..256
    distance: float  # of the embeddings, 1 - cosine, 0..2


class Hashed(NamedTuple):
    """The part of a `Photograph` that says how it looks: of a million, a third of the memory."""

    path: str
    sha256: str  # of the file
    dhash: str


class Look(NamedTuple):
    """What a photograph is compared by."""

    dhash: str  # 256 bits, hexadecimal
    embedding: str  # 128 signed bytes, hexadecimal


# The most by which the embeddings of a copy may differ. Measured on 477 photographs (LIVE In the
# Wild) on which nothing was fitted: two different ones are 0.24 apart or more. Within the limit are
# all copies that are mirrored, cropped by 10%, at half size and JPEG 60 at once, and 99% of those
# that are cropped by 20%.
NEAR_DISTANCE = 0.2
NEAR = Bounds(NEAR_BITS, NEAR_DISTANCE)
# An image of an evaluation set: the same.
EVALUATION = Bounds(NEAR_BITS, NEAR_DISTANCE)
NUMBERS = 128  # of an embedding
UNKNOWN = "00" * NUMBERS  # instead of an embedding: at a distance of 1 from all


def looks(
    photographs: Iterable[Photograph | Hashed], embedded: Iterable[Embedded]
) -> dict[str, Look]:
    """What photographs are compared by, by their paths.

    Raises:
        UserError: where one has no embedding, or that of another file.
    """
    by_path = {row.path: row for row in embedded}
    found = {}
    for row in photographs:
        its = by_path.get(row.path)
        if its is None or its.sha256 != row.sha256:
            raise UserError(f"{row.path} has no embedding in data/embeddings: run `dvc repro`")
        found[row.path] = Look(row.dhash, its.embedding)
    return found


def is_near(bits: int, distance: float, bounds: Bounds = NEAR) -> bool:
    """Whether two photographs are alike, by one or the other."""
    return bits <= bounds.bits or distance <= bounds.distance


def evidence(bits: int, distance: float, bounds: Bounds = NEAR) -> str:
    """What says that two photographs are alike, for people."""
    if bits <= bounds.bits:
        return f"{bits} of {BITS} bits"
    return f"a distance of {distance:.3f}"
