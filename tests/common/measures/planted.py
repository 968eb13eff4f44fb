"""What befalls photographs, and how well a measure tells it."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter

from stages.common.pixels.images import Pixels, decode, resize
from tests.conftest import encoded

SMALL = [(1, 1), (1, 40), (2, 2), (7, 3), (3, 18), (63, 64), (64, 64), (65, 200)]


def compressed(pixels: Pixels, quality: int) -> Pixels:
    return decode(encoded(pixels, "JPEG", quality=quality))


def enlarged(
    pixels: Pixels, factor: float, filter_: Image.Resampling = Image.Resampling.BICUBIC
) -> Pixels:
    """The middle of it, as large as before."""
    height, width, _ = pixels.shape
    large = resize(pixels, round(width * factor), round(height * factor), filter_)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[top : top + height, left : left + width]


def noisy(pixels: Pixels, deviation: float, seed: int = 0) -> Pixels:
    """With noise in each channel."""
    added = np.random.default_rng(seed).normal(0, deviation, pixels.shape)
    return (pixels + added).round().clip(0, 255).astype(np.uint8)


def blurred(pixels: Pixels, radius: float) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def flat(height: int, width: int, value: int = 128) -> Pixels:
    return np.full((height, width, 3), value, np.uint8)


def auc(lower: Sequence[float], higher: Sequence[float]) -> float:
    """Chance that of a value of each the second is larger."""
    a, b = np.array(lower), np.array(higher)[:, None]
    return float(np.mean((b > a) + 0.5 * (b == a)))


def each(measure: Callable[[Pixels], float], some: Sequence[Pixels]) -> list[float]:
    return [measure(pixels) for pixels in some]
