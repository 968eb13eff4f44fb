"""The luma of a picture, of which all measures but clipping are made."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.common.pixels.images import Pixels

Luma = NDArray[np.uint8]  # (h, w), 0..255
WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue


def luma(pixels: Pixels) -> Luma:
    """The weighted sum, rounded, (h, w): the Y of JPEG (ITU-R BT.601)."""
    return np.asarray(Image.fromarray(pixels).convert("L"))
