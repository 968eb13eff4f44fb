"""Ranked images as columns: what cutoffs decide on, and what figures are counted from.

An image is a place in them, 0 for the best. A column has a number a row and no Python object, so
that ten million rows take about a gigabyte.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.integer]
Codes: TypeAlias = NDArray[np.integer]  # places in a list of names
Numbers: TypeAlias = NDArray[np.float64]


class Likes(NamedTuple):
    """Which images are alike. Those that image i is like are `others[starts[i]:starts[i + 1]]`, in
    the order of their paths: better ones, or reserved for validation. A place in `others` is an
    edge."""

    starts: Places  # n + 1
    others: Places
    evidence: Callable[[Places, Places], list[str]]  # in words, of images and one edge of each


class Columns(NamedTuple):
    """Ranked images, best first, as columns of length n."""

    hyperiqa: Numbers
    bytes: NDArray[np.int64]
    reserved: Mask  # for validation
    left_out: Mapping[int, str]  # by hand: why, by place
    section: Codes
    source: Codes
    scale: Codes
    photograph: Codes
    sections: Sequence[str]  # sorted, as all names
    sources: Sequence[str]
    scales: Sequence[str]  # none of photographs
    measures: Mapping[str, Numbers]
    likes: Likes | None

    @property
    def size(self) -> int:
        """How many images there are."""
        return self.hyperiqa.size

    @property
    def millionths(self) -> NDArray[np.int64]:
        """The scores, whole, so that sums are exact."""
        return np.rint(self.hyperiqa * 1e6).astype(np.int64)

    @property
    def earlier(self) -> Mask:
        """What is dropped before any limit."""
        dropped = self.reserved.copy()
        dropped[list(self.left_out)] = True
        return dropped


def coded(names: Sequence[str]) -> tuple[Codes, list[str]]:
    """Each name's place among the different names, which are sorted."""
    different = sorted(set(names))
    place = {name: i for i, name in enumerate(different)}
    return np.array([place[name] for name in names], np.int32), different
