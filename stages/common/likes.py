"""Which images are alike: tiles that overlap, photographs that are nearly the same picture."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stages.common.columns import Likes, Mask, Numbers, Places

AT_ONCE = 1 << 18  # pairs of boxes that are compared at once: they fit a core's cache

Boxes = NDArray[np.integer]  # (..., 4): left, top, width, height, px


def near(one: Places, other: Places, bits: Places, distance: Numbers, counted: Mask) -> Likes:
    """Photographs that are alike, of pairs given both ways, in the order of the path of `other`.

    Args:
        bits: in which their difference hashes differ, of 256.
        distance: of their embeddings, 1 - cosine.
        counted: (n,), images that count whatever their rank, as those that are reserved.
    """
    size = len(counted)
    minded = (other < one) | counted[other]
    one, other, bits, distance = one[minded], other[minded], bits[minded], distance[minded]
    starts, order = _by_row(one, size)
    bits, distance = bits[order], distance[order]

    def evidence(_: Places, edges: Places) -> list[str]:
        found = zip(bits[edges].tolist(), distance[edges].tolist(), strict=True)
        return [f"{b} of 256 bits, distance {d:.3f}" for b, d in found]

    return Likes(starts, other[order], evidence)


def overlapping(boxes: Boxes, images: Places, order: Places, ceiling: float) -> Likes:
    """Tiles of one image whose boxes share more than `ceiling`: the area of their intersection by
    that of their union, 0..1.

    Args:
        boxes: (n, 4), of tiles, best first.
        images: (n,), a number for the image that each is cut from.
        order: (n,), their places by image, then by path.
    """
    found = list(_pairs(boxes, images, order, ceiling))
    one = np.concatenate([np.zeros(0, order.dtype), *(pair[0] for pair in found)])
    other = np.concatenate([np.zeros(0, order.dtype), *(pair[1] for pair in found)])
    starts, by_row = _by_row(one, len(boxes))
    other = other[by_row]

    def evidence(rows: Places, edges: Places) -> list[str]:
        shares = shared(boxes[rows], boxes[other[edges]])
        return [f"{share:.2f} shared" for share in shares.tolist()]

    return Likes(starts, other, evidence)


def shared(one: Boxes, other: Boxes) -> Numbers:
    """What boxes share: the area of the intersection by that of the union, 0..1."""
    ends = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    sides = np.maximum(ends - np.maximum(one[..., :2], other[..., :2]), 0).astype(np.int64)
    common = sides[..., 0] * sides[..., 1]
    areas = [box[..., 2].astype(np.int64) * box[..., 3] for box in (one, other)]
    found: Numbers = common / (areas[0] + areas[1] - common)
    return found


def _pairs(
    boxes: Boxes, images: Places, order: Places, ceiling: float
) -> Iterator[tuple[Places, Places]]:
    """Tiles and better ones that they overlap: images with as many tiles at once."""
    of = images[order]
    firsts = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]])) if of.size else order
    counts = np.diff(firsts, append=len(order))
    for count in np.unique(counts).tolist():
        own = firsts[counts == count]
        images_at_once = max(1, AT_ONCE // count**2)
        rows_at_once = min(count, max(1, AT_ONCE // count))
        for start in range(0, len(own), images_at_once):
            some = own[start : start + images_at_once, None]
            places = order[some + np.arange(count)]
            inside = boxes[places]
            for row in range(0, count, rows_at_once):
                part = slice(row, row + rows_at_once)
                share = shared(inside[:, part, None], inside[:, None])
                minded = places[:, part, None] > places[:, None]
                image, i, j = np.nonzero((share > ceiling) & minded)
                yield places[image, i + row], places[image, j]


def _by_row(rows: Places, size: int) -> tuple[Places, Places]:
    """Where each row's edges start, and the order that sorts them by row alone."""
    counts = np.bincount(rows, minlength=size)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return starts, np.argsort(rows, kind="stable")
