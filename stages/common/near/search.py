"""All pairs of photographs that are alike, found exactly and in bounded memory.

Hashes as vectors of 1 and -1, and embeddings as they are, are compared by matrix products of
blocks: sums of small whole numbers, exact in float32, so that no order of adding changes a bit.
A core compares a hundred million pairs a second: 100,000 photographs take a minute, 200,000 four,
a million an hour and a half. faiss searches hashes faster, but embeddings exactly no faster, and
inexact search would make a table depend on how its index was built: so it is left out.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common import workers
from stages.common.near.alike import NEAR, NUMBERS, Bounds, Look
from stages.common.pixels.likeness import BITS

ROWS, COLUMNS = 1024, 4096  # of a block
WIDE = Bounds(bits=48, distance=0.25)  # what is listed; beyond NEAR for other cutoffs to choose
MOST = 10  # better photographs that are listed of one, of those within NEAR and of the others

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]


class Vectors(NamedTuple):
    """Some photographs as numbers."""

    hashes: NDArray[np.uint8]  # (n, 32), bits packed
    embeddings: NDArray[np.int8]  # (n, 128)

    def part(self, start: int, end: int) -> "Vectors":
        return Vectors(self.hashes[start:end], self.embeddings[start:end])


# Two photographs that are alike: each by its place, bits in which their hashes differ, distance of
# their embeddings.
PAIR = np.dtype([("one", "i8"), ("other", "i8"), ("bits", "i8"), ("distance", "f8")])


def vectors(looks: Sequence[Look]) -> Vectors:
    """Hashes and embeddings as numbers."""
    hashes = np.frombuffer(bytes.fromhex("".join(look.dhash for look in looks)), np.uint8)
    numbers = np.frombuffer(bytes.fromhex("".join(look.embedding for look in looks)), np.int8)
    return Vectors(hashes.reshape(-1, BITS // 8), numbers.reshape(-1, NUMBERS))


def bits(some: Vectors, others: Vectors) -> Floats:
    """In how many bits the hashes differ, (n, m)."""
    products: Floats = _signs(some.hashes) @ _signs(others.hashes).T
    products -= BITS
    products /= -2
    return products


def distances(some: Vectors, others: Vectors) -> Floats:
    """1 - the cosine between embeddings, (n, m), the same on every machine."""
    products = some.embeddings.astype(np.float32) @ others.embeddings.astype(np.float32).T
    products /= norms(some)[:, None]
    products /= norms(others)
    distance: Floats = np.float32(1) - products
    return distance


def norms(some: Vectors) -> Floats:
    """Lengths of embeddings, (n,); 1 for one that is unknown, all zeros: it is far from all."""
    squares = (some.embeddings.astype(np.int32) ** 2).sum(axis=1)
    lengths: Floats = np.sqrt(np.maximum(squares, 1).astype(np.float32))
    return lengths


def closest(looks: Sequence[Look], others: Sequence[Look]) -> Iterator[tuple[int, int, int, float]]:
    """Of each photograph the place of the other whose hash is nearest, and of the one whose
    embedding is, with bits and distance: `(place, bits, place, distance)`.

    Of several the first.

    Args:
        others: at least one.
    """
    there = vectors(others)
    for start in range(0, len(looks), ROWS):
        here = vectors(looks[start : start + ROWS])
        lines = np.arange(len(here.hashes))
        best: list[tuple[Floats, Whole]] = []  # by hash, by embedding: the least, and where
        for left in range(0, len(others), COLUMNS):
            part = there.part(left, left + COLUMNS)
            now = [(far[lines, far.argmin(1)], left + far.argmin(1)) for far in _both(here, part)]
            best = [_nearer(a, b) for a, b in zip(best or now, now, strict=True)]
        (bits_, first), (distance, second) = best
        for columns in zip(first, bits_, second, distance, strict=True):
            place, far, other, away = (column.item() for column in columns)
            yield place, int(far), other, max(0.0, round(away, 6))


def _both(here: Vectors, there: Vectors) -> tuple[Floats, Floats]:
    return bits(here, there), distances(here, there)


def _nearer(one: tuple[Floats, Whole], other: tuple[Floats, Whole]) -> tuple[Floats, Whole]:
    nearer = other[0] < one[0]
    return np.where(nearer, other[0], one[0]), np.where(nearer, other[1], one[1])


def pairs(looks: Sequence[Look], *, most: int = MOST) -> NDArray[np.void]:
    """Every pair within `WIDE`. Of a photograph with many better ones that are like it, the best
    `most` of those within `NEAR`, and the best `most` of the others: so 100,000 pictures of the
    same black are a million pairs and not five billion.

    Args:
        looks: the best photograph first.

    Returns:
        `PAIR`s, sorted by `other`, then by `one`, which is the better of the two.
    """
    all_ = vectors(looks)
    with TemporaryDirectory() as folder:  # what processes share
        path = Path(folder) / "vectors.npy"
        np.save(path, np.hstack([all_.hashes.view(np.int8), all_.embeddings]))
        task = partial(block, path=path, most=most)
        starts = range(0, len(looks), ROWS)
        parts = workers.ordered_map(task, starts, on_this_machine=True)
        found = list(workers.bar(parts, len(starts), "pairs", " parts"))
        loaded.cache_clear()
    return np.concatenate([np.zeros(0, PAIR), *found])


@lru_cache(maxsize=1)
def loaded(path: Path) -> Vectors:
    """What `pairs` has saved."""
    both = np.load(path, mmap_mode="r")
    return Vectors(both[:, : BITS // 8].view(np.uint8), both[:, BITS // 8 :])


def block(start: int, *, path: Path, most: int) -> NDArray[np.void]:
    """The pairs of `ROWS` photographs from `start` on with all better ones."""
    all_ = loaded(path)
    here = all_.part(start, start + ROWS)
    room = [np.full(len(here.hashes), most) for _ in range(2)]
    found = [np.zeros(0, PAIR)]
    for left in range(0, start + len(here.hashes), COLUMNS):
        if not any(some.any() for some in room):
            break
        there = all_.part(left, min(left + COLUMNS, start + ROWS))
        far, away = bits(here, there), distances(here, there)
        wide = (far <= WIDE.bits) | (away <= WIDE.distance)
        if left + COLUMNS > start:  # none with itself or a worse one
            wide &= np.tri(len(wide), wide.shape[1], start - left - 1, dtype=bool)
        near = (far <= NEAR.bits) | (away <= NEAR.distance)
        for mask, some in zip((wide & near, wide & ~near), room, strict=True):
            i, j = first_of_each_row(mask, some)
            some_pairs = np.zeros(len(i), PAIR)
            some_pairs["one"], some_pairs["other"] = left + j, start + i
            some_pairs["bits"] = far[i, j]
            some_pairs["distance"] = np.maximum(away[i, j], 0)  # rounding gives -1e-8 for 0
            found.append(some_pairs)
    return np.sort(np.concatenate(found), order=["other", "one"])


def first_of_each_row(mask: NDArray[np.bool_], room: Whole) -> tuple[Whole, Whole]:
    """Rows and columns of what is true in a mask, in each row the first `room` of them, of which
    `room` is then less."""
    lines = np.flatnonzero(room)  # the others need not be looked at
    rows, columns = np.nonzero(mask[lines])
    counts = np.bincount(rows, minlength=len(lines))
    places = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    kept = places < room[lines][rows]
    room[lines] -= np.minimum(counts, room[lines])
    return lines[rows[kept]], columns[kept]


def _signs(hashes: NDArray[np.uint8]) -> Floats:
    return np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
