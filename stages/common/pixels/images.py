"""The one door for pixels: whatever an image file holds, `decode` returns `(H, W, 3) uint8`, RGB in
0..255, upright, sRGB, without alpha.

| in the file | after decoding |
|---|---|
| EXIF orientation | applied |
| ICC profile | converted to sRGB, relative colorimetric; an unreadable profile counts as sRGB |
| grey, 1-bit, palette | RGB of the same look |
| alpha, transparent colour | laid over white |
| CMYK, YCbCr, LAB | converted to sRGB |
| 16 bits a channel | the 8 high bits of RGB; grey rounded, 65535 becomes 255 |
| JPEG made into JPEG XL without loss | the JPEG it was made of |
| floating point | refused: there is no stated range |
| HDR, camera raw | refused: how they become sRGB is a matter of taste |
| several frames | the first |
"""

import hashlib
import io
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import imagecodecs
import numpy as np
from PIL import Image, UnidentifiedImageError

from stages.common import files
from stages.common.pixels import formats, jxl
from stages.common.pixels.canonical import Pixels as Pixels
from stages.common.pixels.canonical import array, canonical
from stages.common.pixels.formats import ImageError as ImageError

MAX_MEGAPIXELS = 250  # the most that is ever decoded: 750 MB as RGB
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_START = PNG_SIGNATURE + b"\0\0\0\x0dIHDR"  # an IHDR chunk of 13 bytes comes first
PLAIN_CHUNKS = (b"IHDR", b"IDAT", b"IEND", b"pHYs", b"tIME")  # change no pixel
CUT_OFF = ("truncated", "unexpected end", "broken png", "need_more_input")  # of messages

Image.MAX_IMAGE_PIXELS = None  # `decode` checks the size itself, and its error names it


def read(path: Path) -> Pixels:
    """Read an image file."""
    return decode(path.read_bytes())


def read_checked(path: Path, sha256: str) -> Pixels:
    """Read an image file that a table lists.

    Raises:
        UserError: where the file has another hash.
    """
    return decode(files.read_checked(path, sha256))


def size_of(file: Path | IO[bytes]) -> tuple[int, int] | None:
    """Width and height as a file's header has them, px; None where it is no image."""
    try:
        with nullcontext(file) if not isinstance(file, Path) else file.open("rb") as opened:
            head = opened.read(formats.HEAD)
            formats.check_head(head)
            opened.seek(0)
            if jxl.is_jxl(head):
                known = jxl.header(opened.read())
                return known.width, known.height
            with Image.open(opened, formats=formats.known()) as image:
                return image.size
    except Exception:  # a broken file can raise anything in a decoder
        return None


def decode(content: bytes, *, max_megapixels: float = MAX_MEGAPIXELS) -> Pixels:
    """Decode a file's content.

    Raises:
        ImageError: `not an image`, `camera raw`, `HEIC`, `a video`, `truncated`, `too large` or
            `unreadable`.
    """
    return decode_with_mode(content, max_megapixels=max_megapixels)[0]


def decode_with_mode(
    content: bytes, *, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[Pixels, str]:
    """`decode`, and also the file's format and Pillow's mode, as in `JPEG CMYK`."""
    try:
        plain = _decode_plain_png(content, max_megapixels)
        if plain is not None:
            return plain, "PNG RGB"
        formats.check_head(content)
        if jxl.is_jxl(content):
            return _decode_jxl(content, max_megapixels)
        return _decode_by_pillow(content, max_megapixels)
    except (ImageError, MemoryError):  # too little memory is no fault of the file
        raise
    except UnidentifiedImageError:
        formats.check_end(content)
        raise ImageError("not an image", formats.kind(content)) from None
    except Exception as error:  # a broken file can raise anything in a decoder
        detail = " ".join(str(error).split()) or type(error).__name__
        truncated = any(word in detail.lower() for word in CUT_OFF)
        raise ImageError("truncated" if truncated else "unreadable", detail) from None


def _decode_by_pillow(content: bytes, max_megapixels: float) -> tuple[Pixels, str]:
    with Image.open(io.BytesIO(content), formats=formats.known()) as image:
        mode = f"{image.format} {image.mode}"
        _check_size(image.width, image.height, max_megapixels)
        if fault := formats.hdr(image):
            raise ImageError("unreadable", fault)
        image.load()
        return array(canonical(image)), mode


def _decode_jxl(content: bytes, max_megapixels: float) -> tuple[Pixels, str]:
    known = jxl.header(content)
    _check_size(known.width, known.height, max_megapixels)
    if jpeg := jxl.original_jpeg(content):
        return _decode_by_pillow(jpeg, max_megapixels)[0], "JXL of JPEG"
    image = jxl.decode(content, known)
    return array(canonical(image)), f"JXL {image.mode}"


def check_known(path: Path) -> None:
    """Look at a file's first bytes, so that a film, for example, is never read whole.

    Raises:
        ImageError: why it can't be read, with the detail that `decode` would give.
        OSError: where the file can't be read.
    """
    with path.open("rb") as file:
        formats.check_head(file.read(formats.HEAD))


def _check_size(width: int, height: int, max_megapixels: float) -> None:
    if width * height > max_megapixels * 1e6:
        detail = f"{width}x{height} px, more than {max_megapixels:g} megapixels"
        raise ImageError("too large", detail)


def _decode_plain_png(content: bytes, max_megapixels: float) -> Pixels | None:
    """Decode a PNG of 8-bit RGB without a chunk that changes colours, in half of Pillow's time.

    None for every other file, and for a damaged one, whose fault Pillow then names.
    """
    header = content[:33]
    if len(header) < 33 or header[:16] != PNG_START or header[24:29] != b"\x08\x02\x00\x00\x00":
        return None
    width, height = struct.unpack(">II", header[16:24])
    _check_size(width, height, max_megapixels)
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        if name not in PLAIN_CHUNKS:
            return None
        position += 12 + length
    try:
        pixels: Pixels = imagecodecs.png_decode(content)
    except imagecodecs.PngError:
        return None
    return pixels


def resize(pixels: Pixels, width: int, height: int, filter_: Image.Resampling) -> Pixels:
    """Resize with Pillow, which filters against aliasing."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), filter_))


def pixels_sha256(pixels: Pixels) -> str:
    """SHA-256 of size and pixels, hexadecimal: equal for the same picture in two lossless files."""
    digest = hashlib.sha256(struct.pack(">II", *pixels.shape[:2]))
    digest.update(pixels.tobytes())
    return digest.hexdigest()
