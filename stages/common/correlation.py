"""Spearman's rank correlation."""

import math
from collections.abc import Sequence

import numpy as np


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's rank correlation, -1..1, ties by their mean rank; None where one side is constant.

    Exact up to the last division: sums are of whole numbers.
    """
    x, y = _doubled_ranks(a), _doubled_ranks(b)
    n, sx, sy = len(x), sum(x), sum(y)
    xx = n * sum(v * v for v in x) - sx * sx
    yy = n * sum(v * v for v in y) - sy * sy
    xy = n * sum(v * w for v, w in zip(x, y, strict=True)) - sx * sy
    return xy / math.sqrt(xx * yy) if xx and yy else None


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    _, place, counts = np.unique(
        np.asarray(values, np.float64), return_inverse=True, return_counts=True
    )
    last = np.cumsum(counts)
    doubled = 2 * last - counts + 1  # the first and the last rank of the equal ones
    return [int(rank) for rank in doubled[place]]
