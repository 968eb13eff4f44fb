"""ICC profiles of colours that a file names by numbers instead of bringing a profile.

The numbers of transfer functions are those of ITU-R H.273.
"""

import functools

import imagecodecs
import numpy as np
from numpy.typing import NDArray

BT709, LINEAR, SRGB = CURVES = 1, 8, 13
PLACES = 4096  # of a transfer function in a profile


@functools.lru_cache(maxsize=64)
def profile(
    white: tuple[float, ...], primaries: tuple[float, ...], gamma: float, curve: int
) -> bytes:
    """The profile of a white point and primaries, x and y each; without these it is one for grey.

    `gamma` is the exponent from light to values, 0 where `curve` holds.
    """
    points = [x for i in range(0, len(primaries), 2) for x in (*primaries[i : i + 2], 1.0)]
    return imagecodecs.cms_profile(
        "rgb" if primaries else "gray",
        whitepoint=[*white, 1.0],
        primaries=points or None,
        transferfunction=None if gamma else to_light(curve),
        gamma=1 / gamma if gamma else None,
    )


def to_light(curve: int) -> NDArray[np.float32]:
    """A transfer function from values to light, both 0..1, at `PLACES` values."""
    x = np.linspace(0, 1, PLACES)
    if curve == SRGB:
        y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    elif curve == BT709:
        y = np.where(x < 0.081, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45))
    else:
        y = x
    return y.astype(np.float32)
