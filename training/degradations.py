"""Make a photograph worse, in steps whose order is known without asking anybody.

Four kinds, each with one number that says how much: `blur` (Gaussian, standard deviation in px),
`noise` (Gaussian, independent in each channel, standard deviation in levels of 255), `jpeg`
(libjpeg's quality, lower is worse) and `downup` (scaled down by a factor and back up). A set is a
crop and three versions of it, each worse than the one before; what RankIQA learns from: Liu et al.,
"RankIQA: Learning from Rankings for No-reference Image Quality Assessment", ICCV 2017.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stages.common.hyperiqa.crops import CROP

KINDS = ("blur", "noise", "jpeg", "downup")
VERSIONS = 4  # of a crop in a set: itself and three severities
# Rated images are soft and noisy at their own size; scaled down they are as clean as good ones.
SCALES = (1.0, 0.75, 0.5)
SIDE = 248  # px that are degraded, so that a crop is seldom aligned with JPEG's blocks of 8 px
DOWN = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
UP = (*DOWN, Image.Resampling.BILINEAR)

Pixels = NDArray[np.uint8]  # (H, W, 3), RGB


def degrade(image: Image.Image, kind: str, level: float, rng: np.random.Generator) -> Image.Image:
    """Degrade an RGB image; `kind` is one of `KINDS`, `level` in its unit (see above).

    The same state of `rng` gives the same noise, filters and JPEG subsampling.
    """
    return _DEGRADE[kind](image, level, rng)


def _blur(image: Image.Image, sigma: float, rng: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(sigma))


def _noise(image: Image.Image, sigma: float, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    noisy = pixels + rng.normal(0, sigma, pixels.shape)
    return Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, quality: float, rng: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    subsampling = ("4:4:4", "4:2:0")[rng.integers(2)]
    image.save(file, "JPEG", quality=round(quality), subsampling=subsampling)
    return Image.open(file).convert("RGB")


def _downup(image: Image.Image, factor: float, rng: np.random.Generator) -> Image.Image:
    width, height = image.size
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    down, up = DOWN[rng.integers(len(DOWN))], UP[rng.integers(len(UP))]
    return image.resize(small, down).resize(image.size, up)


_DEGRADE: dict[str, Callable[[Image.Image, float, np.random.Generator], Image.Image]] = {
    "blur": _blur,
    "noise": _noise,
    "jpeg": _jpeg,
    "downup": _downup,
}


def severities(kind: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw three levels, from hardly visible to strong, each clearly worse than the one before."""
    u = rng.uniform
    if kind == "blur":
        first, *growth = u(0.5, 1.2), u(1.5, 2.2), u(1.5, 2.2)
    elif kind == "noise":
        first, *growth = u(2.5, 8), u(1.6, 2.5), u(1.5, 2.2)
    elif kind == "jpeg":
        return u(50, 80), u(24, 46), u(7, 20)
    else:
        first, *growth = u(1.4, 2.2), u(1.25, 1.6), u(1.25, 1.6)
    return first, first * growth[0], first * growth[0] * growth[1]


def draw_set(pixels: Pixels, kind: str, rng: np.random.Generator) -> Pixels:
    """Cut a crop out of a rated image, at one of `SCALES`, and degrade it.

    Args:
        pixels: (H, W, 3), RGB, both sides at least 496 px.
        kind: one of `KINDS`.

    Returns:
        (4, 224, 224, 3), best first.
    """
    scale = SCALES[rng.integers(len(SCALES))]
    taken = int(np.ceil(SIDE / scale))
    left = rng.integers(pixels.shape[1] - taken + 1)
    top = rng.integers(pixels.shape[0] - taken + 1)
    patch = Image.fromarray(pixels[top : top + taken, left : left + taken])
    if scale != 1:
        patch = patch.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    x, y = rng.integers(SIDE - CROP + 1, size=2)
    flip = rng.integers(2)
    state = int(rng.integers(2**31))  # one for the set: the same noise grows, the same filters act
    levels = severities(kind, rng)
    worse = [degrade(patch, kind, level, np.random.default_rng(state)) for level in levels]
    crops = np.stack([np.asarray(v)[y : y + CROP, x : x + CROP] for v in (patch, *worse)])
    return np.ascontiguousarray(crops[:, :, ::-1]) if flip else crops
