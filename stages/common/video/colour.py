"""The colours of a video's frames: sRGB of 8 bits from whatever YUV the decoder gives.

Matrix and range are what the file says. Where it says nothing, frames of 720 rows and more are
BT.709, smaller ones BT.601, and the range is the limited one, as players take it. Written anew and
not by FFmpeg's scaler, which takes each chroma value for a whole block of pixels by default, and
whose last bits depend on the processor.

Source: ITU-R H.273 (the numbers below), BT.601, BT.709, BT.2020.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.common.pixels.images import Pixels

Plane = NDArray[np.uint8] | NDArray[np.uint16]

HIGH_DEFINITION = 720  # rows
BT709, UNSPECIFIED, BT601 = 1, 2, 6
WEIGHTS = {  # of red and blue in luma, by the number of the matrix
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
FULL = 2
HDR = {16: "PQ", 18: "HLG"}  # by the number of the transfer function
WIDE = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}  # by the number of the primaries
CENTRED = ("mjpeg", "mpeg1video")  # their chroma lies between two pixels; others' on the left one
PLANAR = ("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv410p", "yuv411p", "gray")
DEPTHS = ("", "9le", "10le", "12le", "14le", "16le")
AS_PLANES = {  # the same values in planes, by the format they come in
    **{f"yuvj{kind}p": f"yuv{kind}p" for kind in ("420", "422", "444", "440", "411")},
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "p010le": "yuv420p10le",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    **{f"yuva{kind}p": f"yuv{kind}p" for kind in ("420", "422", "444")},
}


def fault(frame: Any) -> str:
    """Why a frame's colours can't be brought to sRGB by a stated rule; empty where they can."""
    if name := HDR.get(int(frame.color_trc)):
        return f"HDR ({name}): bring it to SDR first, since how is a matter of taste"
    if name := WIDE.get(int(frame.color_primaries)):
        return f"colours of {name}: convert it to BT.709 first"
    if not frame.format.is_rgb and int(frame.colorspace) not in {UNSPECIFIED, 0, 3, *WEIGHTS}:
        return f"a colour matrix of number {int(frame.colorspace)}: convert it to BT.709 first"
    return ""


def planes(frame: Any) -> list[Plane]:
    """A frame's planes as they are: Y, Cb and Cr, or Y alone. What is no YUV is converted."""
    name = frame.format.name
    plain = {kind + depth for kind in PLANAR for depth in DEPTHS}
    if name not in plain:
        frame = frame.reformat(format=AS_PLANES.get(name, "yuv444p"))
    return [_plane(plane, frame.format.components[i].bits) for i, plane in enumerate(frame.planes)]


def _plane(plane: Any, bits: int) -> Plane:
    values: Plane
    values = np.frombuffer(plane, np.uint8) if bits <= 8 else np.frombuffer(plane, np.uint16)
    return values.reshape(plane.height, -1)[:, : plane.width]


def in_8_bits(plane: Plane, bits: int) -> NDArray[np.uint8]:
    """The high bits of a plane."""
    return np.ascontiguousarray(plane >> (bits - 8) if bits > 8 else plane).astype(np.uint8)


def to_rgb(frame: Any, codec: str = "") -> Pixels:
    """A decoded frame upright, `(H, W, 3) uint8`; `codec` is FFmpeg's name of what coded it."""
    if frame.format.is_rgb or frame.format.name.startswith("pal"):
        pixels = frame.reformat(format="rgb24").to_ndarray()
    else:
        bits = frame.format.components[0].bits
        said, name = int(frame.color_range), frame.format.name
        full = said == FULL or (said == 0 and name.startswith(("yuvj", "gray")))
        pixels = converted(planes(frame), bits, matrix_of(frame), full, codec in CENTRED)
    return upright(pixels, frame.rotation)


def matrix_of(frame: Any) -> int:
    """The number of the matrix that a frame's colours were made by."""
    if int(frame.colorspace) in WEIGHTS:
        return int(frame.colorspace)
    return BT709 if frame.height >= HIGH_DEFINITION else BT601


def converted(
    yuv: Sequence[Plane], bits: int, matrix: int, full: bool, centred: bool = False
) -> Pixels:
    """Planes of `bits` a value as RGB, `(H, W, 3) uint8`, rounded once. Chroma that is coarser is
    resized by bicubic interpolation, from where its values lie (`centred`: between pixels)."""
    top = (1 << bits) - 1 if full else 219 << (bits - 8)
    black = 0 if full else 16 << (bits - 8)
    luma = (yuv[0].astype(np.float32) - black) / top
    if len(yuv) < 3:
        grey = np.clip(np.rint(luma * 255), 0, 255).astype(np.uint8)
        return np.stack([grey] * 3, axis=2)
    height, width = luma.shape
    middle, reach = 1 << (bits - 1), top if full else 224 << (bits - 8)
    cb, cr = (
        (_resized(plane, width, height, centred) - middle) / reach for plane in (yuv[1], yuv[2])
    )
    of_red, of_blue = WEIGHTS[matrix]
    red = luma + 2 * (1 - of_red) * cr
    blue = luma + 2 * (1 - of_blue) * cb
    green = (luma - of_red * red - of_blue * blue) / (1 - of_red - of_blue)
    rgb = np.stack([red, green, blue], axis=2) * 255
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def _resized(plane: Plane, width: int, height: int, centred: bool) -> NDArray[np.float32]:
    """A plane of chroma in the size of luma."""
    rows, columns = plane.shape
    if (columns, rows) == (width, height):
        return plane.astype(np.float32)
    across, down = round(width / columns), round(height / rows)
    left = 0.0 if centred else 0.5 - 0.5 / across
    padded = np.pad(plane.astype(np.float32), ((0, 1), (0, 1)), mode="edge")
    box = (left, 0.0, left + width / across, height / down)
    image = Image.fromarray(padded).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(image)


def upright(pixels: Pixels, rotation: float) -> Pixels:
    """Turned by what a camera has noted, degrees counter-clockwise."""
    return np.ascontiguousarray(np.rot90(pixels, round(rotation / 90) % 4))
