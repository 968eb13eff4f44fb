"""JPEG XL: what a file's header says, before anything is decoded, and its picture.

libjxl gives pixels in the colours that the header names. A file that was made of a JPEG without
loss gives that JPEG back, byte by byte, with the profile and the orientation it had.

Source: ISO/IEC 18181-1, image header; 18181-2, boxes. The decoder is libjxl, in imagecodecs.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.common.pixels import icc

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
Steps = tuple[tuple[int, int], ...]  # of a number: what is added, and how many bits follow

SIDE: Steps = ((1, 9), (1, 13), (1, 18), (1, 30))
ENUM: Steps = ((0, 0), (1, 0), (2, 4), (18, 6))
PLACE: Steps = ((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
ALPHA, SPOT, FILTER = 0, 2, 5  # kinds of extra channels
RGB, GREY = 0, 1  # colour spaces
CUSTOM = 2
WHITES: dict[int, tuple[float, ...]] = {1: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (0.639998686, 0.330010138, 0.300003784, 0.600003357, 0.150002046, 0.059997204),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
HDR = {16: "PQ", 18: "HLG"}


class JxlError(Exception):
    """What can't be decoded, and why."""


class Header(NamedTuple):
    """What the first bytes of an image say."""

    width: int  # px, as stored
    height: int
    bits: int  # a sample
    is_float: bool
    premultiplied: bool  # alpha is in the colours already
    profile: bytes | None  # ICC; None where it is sRGB
    fault: str  # why its colours can't be told; empty where they can


class Bits:
    """Bits of bytes, the lowest of each first.

    Raises:
        EOFError: behind the last.
    """

    def __init__(self, content: bytes) -> None:
        self.value, self.left = int.from_bytes(content, "little"), len(content) * 8

    def take(self, count: int) -> int:
        if count > self.left:
            raise EOFError("unexpected end of the header")
        value = self.value & ((1 << count) - 1)
        self.value, self.left = self.value >> count, self.left - count
        return value

    def flag(self) -> bool:
        return self.take(1) == 1

    def number(self, steps: Steps) -> int:
        base, count = steps[self.take(2)]
        return base + self.take(count)


def is_jxl(head: bytes) -> bool:
    """Whether a file that begins so is JPEG XL."""
    return head.startswith((CODESTREAM, CONTAINER))


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box at the top of a container.

    Raises:
        EOFError: where one goes on behind the end of the file.
    """
    place = 0
    while place + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, place)
        start = place + 8
        if size == 1 and start + 8 <= len(content):
            (size,) = struct.unpack_from(">Q", content, start)
            start += 8
        end = place + size if size else len(content)
        if end > len(content) or end < start:
            raise EOFError(f"unexpected end in its part `{name.decode('latin-1')}`")
        yield name, content[start:end]
        place = end


def codestream(content: bytes) -> bytes:
    """The start of the image itself, without the container."""
    if content.startswith(CODESTREAM):
        return content[:4096]
    for name, inside in boxes(content):
        if name == b"jxlc":
            return inside[:4096]
        if name == b"jxlp":  # a part; its number comes first
            return inside[4 : 4 + 4096]
    raise EOFError("unexpected end: no image in it")


def header(content: bytes) -> Header:
    """What a file says of its image.

    Raises:
        EOFError: where it is cut off.
    """
    bits = Bits(codestream(content)[2:])
    width, height = _size(bits)
    depth, is_float, premultiplied = 8, False, False
    profile, fault = None, ""
    if not bits.flag():  # else all is as usual: 8 bits, sRGB
        if bits.flag():
            _skip_extra(bits)
        depth, is_float = _depth(bits)
        bits.flag()
        for _ in range(bits.number(((0, 0), (1, 0), (2, 4), (1, 12)))):
            premultiplied |= _extra_channel(bits)
        bits.flag()
        profile, fault = _colours(bits)
    return Header(width, height, depth, is_float, premultiplied, profile, fault)


def _size(bits: Bits) -> tuple[int, int]:
    small = bits.flag()

    def side() -> int:
        return 8 * (1 + bits.take(5)) if small else bits.number(SIDE)

    height, ratio = side(), bits.take(3)
    if ratio == 0:
        return side(), height
    across, down = RATIOS[ratio - 1]
    return height * across // down, height


def _skip_extra(bits: Bits) -> None:
    """Orientation, which the decoder applies; the sizes of a screen and of a preview; times."""
    bits.take(3)
    if bits.flag():
        _size(bits)
    if bits.flag():
        eighths = bits.flag()
        large: Steps = ((16, 0), (32, 0), (1, 5), (33, 9))
        steps = large if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))
        bits.number(steps)
        if bits.take(3) == 0:
            bits.number(steps)
    if bits.flag():
        bits.number(((100, 0), (1000, 0), (1, 10), (1, 30)))
        bits.number(((1, 0), (1001, 0), (1, 8), (1, 10)))
        bits.number(((0, 0), (0, 3), (0, 16), (0, 32)))
        bits.flag()


def _depth(bits: Bits) -> tuple[int, bool]:
    if not bits.flag():
        return bits.number(((8, 0), (10, 0), (12, 0), (1, 6))), False
    depth = bits.number(((32, 0), (16, 0), (24, 0), (1, 6)))
    bits.take(4)
    return depth, True


def _extra_channel(bits: Bits) -> bool:
    """Pass over what is said of an extra channel; whether it is premultiplied alpha."""
    if bits.flag():
        return False
    kind = bits.number(ENUM)
    _depth(bits)
    bits.number(((0, 0), (3, 0), (4, 0), (1, 3)))
    bits.take(8 * bits.number(((0, 0), (0, 4), (16, 5), (48, 10))))
    if kind == SPOT:
        bits.take(64)
    if kind == FILTER:
        bits.number(((1, 0), (0, 2), (3, 4), (19, 8)))
    return bits.flag() if kind == ALPHA else False


def _colours(bits: Bits) -> tuple[bytes | None, str]:
    """The ICC profile of the pixels, None for sRGB; and why there is none."""
    if bits.flag():
        return None, ""
    has_icc, space = bits.flag(), bits.number(ENUM)
    if has_icc:
        return None, "a profile that is not one of JPEG XL's own"
    if space not in (RGB, GREY):
        return None, "its colours are neither RGB nor grey"
    white = WHITES.get(kind := bits.number(ENUM)) or (_places(bits, 1) if kind == CUSTOM else None)
    primaries = PRIMARIES[1]
    if space == RGB:
        kind = bits.number(ENUM)
        primaries = PRIMARIES.get(kind) or (_places(bits, 3) if kind == CUSTOM else ())
    gamma = bits.take(24) / 1e7 if bits.flag() else 0.0
    curve = 0 if gamma else bits.number(ENUM)
    if name := HDR.get(curve):
        return None, f"HDR ({name})"
    if not white or not primaries or (not gamma and curve not in icc.CURVES):
        return None, "colours of an unknown kind"
    if white == WHITES[1] and primaries == PRIMARIES[1] and curve == icc.SRGB:
        return None, ""
    return icc.profile(white, primaries if space == RGB else (), gamma, curve), ""


def _places(bits: Bits, count: int) -> tuple[float, ...]:
    """Points of the chromaticity diagram, x and y each."""
    packed = [bits.number(PLACE) for _ in range(2 * count)]
    return tuple((-(x + 1) // 2 if x & 1 else x // 2) / 1e6 for x in packed)


def original_jpeg(content: bytes) -> bytes | None:
    """The JPEG that a file was made of without loss; None where it was not."""
    if not content.startswith(CONTAINER) or all(name != b"jbrd" for name, _ in boxes(content)):
        return None
    return bytes(imagecodecs.jpegxl_decode_jpeg(content, numthreads=1))


def decode(content: bytes, known: Header) -> Image.Image:
    """The first picture of a file upright, in one of Pillow's modes, with its profile.

    Raises:
        JxlError: where its colours or values have no stated meaning.
        imagecodecs.JpegxlError: where it is damaged.
    """
    if known.is_float:
        raise JxlError("floating point has no stated range")
    if known.fault:
        raise JxlError(f"{known.fault}: convert it to sRGB first")
    pixels = np.asarray(imagecodecs.jpegxl_decode(content, index=0, numthreads=1))
    profile = known.profile
    if pixels.dtype == np.uint16:
        if known.bits < 16:  # values as they were, 0..2^bits - 1
            most = (1 << known.bits) - 1
            pixels = (pixels.astype(np.uint32) * 65535 // most).astype(np.uint16)
        if profile:
            pixels, profile = _to_srgb(pixels, profile), None
        if pixels.ndim == 2:
            return Image.fromarray(pixels)
        pixels = (pixels >> 8).astype(np.uint8)
    image = Image.fromarray(pixels, "LA") if pixels.shape[2:] == (2,) else Image.fromarray(pixels)
    if image.mode == "RGBA" and known.premultiplied:
        image = Image.frombytes("RGBa", image.size, image.tobytes())
    if profile:
        image.info["icc_profile"] = profile
    return image


def _to_srgb(pixels: NDArray[np.uint16], profile: bytes) -> NDArray[np.uint16]:
    """16 bits in the colours of a profile as 16 bits of sRGB: 8 are too few for linear light."""
    grey = pixels.ndim == 2 or pixels.shape[2] == 2
    space = "gray" if grey else "rgb"
    parts = pixels.reshape(*pixels.shape[:2], -1)
    colours = parts[..., 0] if grey else parts[..., :3]
    converted = imagecodecs.cms_transform(
        np.ascontiguousarray(colours),
        profile,
        icc.profile(WHITES[1], (), 0.0, icc.SRGB) if grey else imagecodecs.cms_profile("srgb"),
        colorspace=space,
        outcolorspace=space,
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
        flags=imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION | imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    ).reshape(*pixels.shape[:2], -1)
    alpha = parts[..., converted.shape[2] :]
    return np.concatenate([converted, alpha], axis=2).reshape(pixels.shape)
