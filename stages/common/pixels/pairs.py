"""Pairs to validate with: a photograph (HR), and what an SR model is to enlarge to it (LR)."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from stages.common.pixels import images
from stages.common.pixels.images import Pixels


def pairs(pixels: Pixels, scales: Sequence[int]) -> dict[str, Pixels] | None:
    """`hr`, cropped at the right and bottom to a multiple of all scales, and `x2`, `x4`, …: `hr`
    downscaled by Pillow's BOX, the mean of each scale x scale block, rounded once a side.

    None where a side is shorter than that multiple.
    """
    multiple = math.lcm(*scales)
    height, width = (side - side % multiple for side in pixels.shape[:2])
    if not height or not width:
        return None
    hr = pixels[:height, :width]
    return {"hr": hr} | {
        f"x{scale}": images.resize(hr, width // scale, height // scale, Image.Resampling.BOX)
        for scale in scales
    }


def detail(pixels: Pixels, scales: Sequence[int], side: int) -> Pixels:
    """The liveliest part of a photograph, at most `side` px, and a multiple of all scales as far as
    the photograph has one; its blocks are the photograph's, so its pairs are parts of that one's.

    Of parts beside each other, in the middle of the photograph, it is the one whose neighbouring
    pixels differ most; of equal ones the first.
    """
    multiple = math.lcm(*scales)
    most = max(side // multiple, 1) * multiple
    height, width = (min(most, length - length % multiple) for length in pixels.shape[:2])
    if not height or not width:
        return pixels[:0, :0]
    tops, lefts = (
        range(length % own // 2 // multiple * multiple, length - own + 1, own)
        for length, own in zip(pixels.shape[:2], (height, width), strict=True)
    )
    parts = [pixels[y : y + height, x : x + width] for y in tops for x in lefts]
    return max(parts, key=_liveliness)


def _liveliness(pixels: Pixels) -> int:
    green = pixels[..., 1].astype(np.int16)
    return sum(int(np.abs(np.diff(green, axis=axis)).sum(dtype=np.int64)) for axis in (0, 1))
