"""Which images are alike: tiles that overlap, photographs that are nearly the same picture.

By path, the paths of those an image is like, each with the evidence, in the order of paths.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stages.common.rows import Neighbours, Tile

AT_ONCE = 1000  # boxes that are compared with all of their image

Alike: TypeAlias = dict[str, list[tuple[str, str]]]


def near(pairs: Iterable[Neighbours], bits: int, distance: float) -> Alike:
    """Photographs whose difference hashes differ in at most `bits` of 256, or whose embeddings are
    at most `distance` apart, 1 - cosine."""
    found: Alike = defaultdict(list)
    for pair in pairs:
        if pair.bits <= bits or pair.distance <= distance:
            evidence = f"{pair.bits} of 256 bits, distance {pair.distance:.3f}"
            found[pair.path].append((pair.other, evidence))
            found[pair.other].append((pair.path, evidence))
    return {path: sorted(others) for path, others in found.items()}


def overlapping(tiles: Sequence[Tile], ceiling: float) -> Alike:
    """Tiles of one photograph at one scale whose boxes share more than `ceiling`: the area of their
    intersection by that of their union, 0..1."""
    images: dict[str, list[Tile]] = defaultdict(list)
    for tile in tiles:
        images[tile.parent].append(tile)
    found: Alike = defaultdict(list)
    for members in images.values():
        members.sort(key=lambda tile: tile.path)
        for i, j, share in _pairs(members, ceiling):
            found[members[i].path].append((members[j].path, f"{share:.2f} shared"))
    return dict(found)


def _pairs(tiles: Sequence[Tile], ceiling: float) -> Iterator[tuple[int, int, float]]:
    """The places of every two boxes of one image that share more than that, both ways."""
    boxes = np.array([(t.left, t.top, t.left + t.width, t.top + t.height) for t in tiles], float)
    areas: NDArray[np.float64] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for start in range(0, len(tiles), AT_ONCE):
        some = boxes[start : start + AT_ONCE]
        sides = np.minimum(some[:, None, 2:], boxes[:, 2:]) - np.maximum(
            some[:, None, :2], boxes[:, :2]
        )
        common = np.prod(np.maximum(sides, 0), axis=2)
        share = common / (areas[start : start + AT_ONCE, None] + areas - common)
        for i, j in np.argwhere(share > ceiling).tolist():
            if start + i != j:
                yield start + i, j, float(share[i, j])
