"""Clipped pixels: where a picture is nothing but white or black."""

import numpy as np
from numpy.typing import NDArray

from stages.common.measures.luma import luma
from stages.common.pixels.images import Pixels

WHITE = 254  # red, green and blue are all this or more
BLACK = 1  # or this or less


def white(pixels: Pixels) -> float:
    """Share of pixels whose red, green and blue are all 254 or more, 0..1.

    Fooled by: what is white and meant to be, such as a studio's background or transparent pixels,
    which are laid over white; an exposure that is clipped and then darkened is not seen.
    """
    return share(pixels, luma(pixels) >= WHITE, white=True)


def black(pixels: Pixels) -> float:
    """Share of pixels whose red, green and blue are all 1 or less, 0..1.

    Fooled by: night skies and silhouettes, which are black and may be good; borders of films.
    """
    return share(pixels, luma(pixels) <= BLACK, white=False)


def share(pixels: Pixels, possible: NDArray[np.bool_], *, white: bool) -> float:
    """The share of clipped pixels, of those that may be: luma tells quickly which these are."""
    found = pixels[possible]
    clipped = (found >= WHITE if white else found <= BLACK).all(axis=1)
    return float(np.count_nonzero(clipped)) / possible.size
