"""How near an enlarged luma is to the photograph: PSNR-Y and SSIM-Y, as papers give them.

Both are of the luma at 16..235, ITU-R BT.601, with a peak of 255. This project's luma is at 0..255,
so its errors count 219/255 of what they are.

Source: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to
        Structural Similarity", IEEE Transactions on Image Processing 13(4), 2004; intervals by
        Efron's bootstrap, over photographs, for two sets' networks enlarge the same ones.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common.measures.luma import Luma

PEAK = 255.0
NARROW = 219 / 255
LEAST = 1 / 12  # squared grey levels: what rounding alone leaves
WINDOW, SIGMA = 11, 1.5  # px, of SSIM
STABLE = ((0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2)
DRAWS = 10_000  # of the bootstrap
SHARE = 0.95  # of the interval

Floats = NDArray[np.float64]


class Difference(NamedTuple):
    """A mean difference over photographs, and its interval of 95%."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def inner(luma: Luma, border: int) -> Floats:
    """The luma at 16..235 without the pixels at the edge."""
    height, width = luma.shape
    own = luma[border : height - border, border : width - border]
    return own.astype(np.float64) * NARROW + 16


def psnr(one: Luma, other: Luma, border: int) -> float:
    """PSNR of two (h, w), dB; at most 60.2, where they differ by less than rounding does."""
    squared = np.square(inner(one, border) - inner(other, border))
    return 10 * math.log10(PEAK**2 / max(float(squared.mean()), LEAST * NARROW**2))


def ssim(one: Luma, other: Luma, border: int) -> float:
    """Mean SSIM of two (h, w), -1..1; sides of at least 11 px within the border."""
    x, y = inner(one, border), inner(other, border)
    mean_x, mean_y = blurred(x), blurred(y)
    variance = blurred(x * x) - mean_x**2 + blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    alike = (2 * mean_x * mean_y + STABLE[0]) * (2 * covariance + STABLE[1])
    alike /= (mean_x**2 + mean_y**2 + STABLE[0]) * (variance + STABLE[1])
    return float(alike.mean())


def blurred(values: Floats) -> Floats:
    """The Gaussian mean of each whole window: (h, w) to (h - 10, w - 10)."""
    weights = np.exp(-np.square(np.arange(WINDOW) - WINDOW // 2) / (2 * SIGMA**2))
    weights /= weights.sum()
    rows, columns = (side - WINDOW + 1 for side in values.shape)
    down = sum(w * values[i : i + rows] for i, w in enumerate(weights))
    found: Floats = sum(w * down[:, i : i + columns] for i, w in enumerate(weights))
    return found


def difference(ours: Sequence[float], first: Sequence[float]) -> Difference:
    """How much better `ours` are on the same photographs, with a paired bootstrap interval."""
    apart = np.array(ours) - np.array(first)
    drawn = np.random.default_rng(0).integers(len(apart), size=(DRAWS, len(apart)))
    edges = [(1 - SHARE) / 2, (1 + SHARE) / 2]
    low, high = np.quantile(apart[drawn].mean(axis=1), edges).tolist()
    return Difference(float(apart.mean()), low, high)
