"""PSNR-Y and SSIM-Y, as papers on super-resolution give them: of the luma at 16..235, ITU-R BT.601,
with a peak of 255. This project's luma is at 0..255, so its errors count 219/255 of what they are.
"""

import math

import numpy as np
from numpy.typing import NDArray

from stages.common.measures.luma import Luma

PEAK = 255.0
NARROW = 219 / 255  # of a difference, where black is 16 and white 235
LEAST = 1 / 12  # squared grey levels: what rounding alone leaves
BORDER = 4  # px at the edge that do not count
WINDOW, SIGMA = 11, 1.5  # px, of SSIM
STEP = 4  # rows and columns from one window to the next; papers take 1
STABLE = ((0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2)

Floats = NDArray[np.float64]


def psnr(squared_error: float, pixels: int) -> float:
    """PSNR, dB, of the squared error of so many pixels, in squared grey levels of 0..255. At most
    60.2: an error below that of rounding counts as that."""
    mean = max(squared_error / pixels, LEAST) * NARROW**2
    return 10 * math.log10(PEAK**2 / mean)


def squared_error(one: Luma, other: Luma) -> int:
    """The sum of squared differences of two (h, w), but for `BORDER`; exact."""
    difference = inner(one).astype(np.int64) - inner(other)
    return int(np.square(difference).sum())


def inner(grey: Luma) -> Luma:
    """Without the border."""
    return grey[BORDER : grey.shape[0] - BORDER, BORDER : grey.shape[1] - BORDER]


def pixels_of(grey: Luma) -> int:
    """How many pixels count."""
    return inner(grey).size


def ssims(reference: Luma, others: list[Luma]) -> list[float]:
    """Mean SSIM of each of several (h, w) and a reference, -1..1, but for `BORDER`; sides of at
    least 19 px. Of windows of 11 x 11 px under a Gaussian, a window every 4 px.

    Source: Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Transactions on Image Processing 13(4), 2004.
    """
    y = narrowed(reference)
    mean_y = blurred(y)
    variance_y = blurred(y * y) - mean_y * mean_y
    found = []
    for other in others:
        x = narrowed(other)
        mean_x = blurred(x)
        variance_x = blurred(x * x) - mean_x * mean_x
        covariance = blurred(x * y) - mean_x * mean_y
        alike = (2 * mean_x * mean_y + STABLE[0]) * (2 * covariance + STABLE[1])
        alike /= (mean_x**2 + mean_y**2 + STABLE[0]) * (variance_x + variance_y + STABLE[1])
        found.append(math.fsum(alike.ravel().tolist()) / alike.size)
    return found


def narrowed(grey: Luma) -> Floats:
    """16..235, without the border."""
    return inner(grey).astype(np.float64) * NARROW + 16.0


def blurred(values: Floats) -> Floats:
    """The Gaussian mean of each window, (h, w) to one value a window."""
    at = np.arange(WINDOW) - WINDOW // 2
    weights = [math.exp(-(x * x) / (2 * SIGMA**2)) for x in at.tolist()]
    weights = [weight / math.fsum(weights) for weight in weights]
    rows, columns = (side - WINDOW + 1 for side in values.shape)
    down = np.zeros((-(-rows // STEP), values.shape[1]))
    for i, weight in enumerate(weights):
        down += weight * values[i : i + rows : STEP]
    found = np.zeros((down.shape[0], -(-columns // STEP)))
    for i, weight in enumerate(weights):
        found += weight * down[:, i : i + columns : STEP]
    return found
