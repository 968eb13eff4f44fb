"""At which size a picture is looked at, so that photographs of mixed sizes can be compared.

The network looks at squares of 224 px. The larger a photograph, the less of it lies in a square,
and the softer that looks: of two copies of one photograph the larger has the lower score
(bench/bench_sizes.py). So a pool of mixed sizes is evened by a downscale of all that is larger to
one short edge. Nothing is enlarged: an even pool needs a size that every photograph has.

The filter is Lanczos, whose reach grows with the factor, so that it does not alias. By way of a
half-size copy it gives nearly the pixels of one step. A box filter does not: where the factor is no
whole number, some pixels are the mean of more than others, and copies of two sizes differ in
sharpness; by the same benchmark it leaves a pool uneven that Lanczos evens.
"""

from typing import Annotated, Literal

import PIL
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from stages.common.hyperiqa.crops import CROP
from stages.common.pixels.pictures import Picture

VERSION = 1  # of the downscale, part of a stored score's key
NATIVE = "native"


def _native_or_px(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError:  # one message, and not one for each kind that it could be
        raise ValueError(f"must be native or a whole number of px, at least {CROP}") from None


Size = Annotated[  # of params.yaml
    Literal["native"] | Annotated[int, Field(ge=CROP)], WrapValidator(_native_or_px)
]


def short_edge(size: Size) -> int | None:
    """The most px that a picture's short edge has when it is looked at; None: as many as it has."""
    return None if isinstance(size, str) else size


def fitted(width: int, height: int, edge: int | None) -> tuple[int, int]:
    """Width and height at which a picture of `width` x `height` px is looked at.

    The short edge is at most `edge`, at least 1; the long one is rounded, halves up. None, or an
    edge that the picture does not exceed, leaves it as it is.
    """
    short = min(width, height)
    if edge is None or short <= edge:
        return width, height
    return (2 * width * edge + short) // (2 * short), (2 * height * edge + short) // (2 * short)


def looked_at(picture: Picture, edge: int | None) -> Picture:
    """A whole photograph at the size of `fitted`, which may be its own."""
    size = fitted(picture.width, picture.height, edge)
    if size == (picture.width, picture.height):
        return picture
    return picture._replace(width=size[0], height=size[1], scaled=size)


def key(edge: int | None) -> str:
    """What a stored score's key holds of all this; nothing where pictures have their own size."""
    return "" if edge is None else f" short edge {edge} {VERSION} pillow {PIL.__version__}"
