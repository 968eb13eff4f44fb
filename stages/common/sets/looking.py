"""Look at one image of a set: is it whole, and of the kind that trainers read?

Trainers read 8-bit RGB or grey; what else a file can hold, each of them turns into pixels in its
own way, or drops it.
"""

import errno
import hashlib
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from stages.common.pixels import excerpts, formats, images, likeness
from stages.common.pixels.images import ImageError
from stages.common.sets.names import shown

SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}  # of PNG
GREY_AND_RGB = {"L": "grey", "RGB": "RGB"}  # Pillow's modes
ALPHA = {"RGBA", "LA", "PA", "La", "RGBa"}
ORIENTATION = 0x0112  # EXIF


class Wrong(NamedTuple):
    """What is wrong with an image."""

    what: str
    got: str
    expected: str


class Image8(NamedTuple):
    """What was seen of an image file."""

    path: str
    sha256: str  # of the file; empty where it can't be read
    width: int  # px; 0 where it can't be decoded
    height: int
    colour: str  # `RGB`, `grey`, or another name of what it is
    wrong: Wrong | None
    pixels: bytes  # SHA-256 of the canonical pixels; empty where it can't be decoded
    dhash: str
    key: excerpts.Key | None


def is_image(path: str) -> bool:
    """Whether a path has the suffix of an image."""
    return Path(path).suffix.lower() in SUFFIXES


def look(path: str, *, folder: Path) -> Image8:
    """Read, hash and decode an image of a folder."""
    try:
        if not (folder / path).is_file():  # to read a pipe would never end
            raise OSError(errno.ENOENT, "no file, or a link that leads nowhere")
        content = (folder / path).read_bytes()
    except OSError as error:
        wrong = Wrong("corrupt", error.strerror or str(error), "a file that can be read")
        return Image8(path, "", 0, 0, "", wrong, b"", "", None)
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        pixels, kind = images.decode_with_mode(content)
    except ImageError as error:
        wrong = Wrong("corrupt", str(error), "a whole image")
        return Image8(path, sha256, 0, 0, "", wrong, b"", "", None)
    format_, _, mode = kind.partition(" ")
    fault, colour = _seen(content, Path(path).suffix.lower(), format_, mode)
    return Image8(
        path=path,
        sha256=sha256,
        width=pixels.shape[1],
        height=pixels.shape[0],
        colour=colour,
        wrong=fault,
        pixels=bytes.fromhex(images.pixels_sha256(pixels)),
        dhash=likeness.dhash(pixels),
        key=excerpts.key(pixels),
    )


def _seen(content: bytes, suffix: str, format_: str, mode: str) -> tuple[Wrong | None, str]:
    """The first thing that is wrong with an image that can be decoded, and its colours."""
    colour = GREY_AND_RGB.get(mode, mode)
    if format_ == "PNG":
        colour = COLOURS.get(content[25], mode)
        fault = png_fault(content)
        if fault:
            return Wrong("corrupt", fault, "a whole PNG"), colour
    elif format_ == "JPEG" and not content.rstrip(b"\0").endswith(b"\xff\xd9"):
        return Wrong("corrupt", "bytes after its end, or no end", "a whole JPEG"), colour
    elif format_ == "WEBP" and struct.unpack("<I", content[4:8])[0] + 8 != len(content):
        return Wrong("corrupt", "another length than it says", "a whole WebP"), colour
    if SUFFIXES[suffix] != format_:
        return Wrong("format", format_, f"{SUFFIXES[suffix]}, as its name says"), colour
    names = {name for name, _ in _chunks(content)} if format_ == "PNG" else set()
    if mode.startswith(("I", "F")) or (format_ == "PNG" and content[24] != 8):
        bits = content[24] if format_ == "PNG" else "16 or more"
        return Wrong("bit depth", f"{bits} bits", "8 bits"), colour
    if mode in ALPHA or b"tRNS" in names:
        return Wrong("alpha", f"{colour} with transparency", "no alpha"), colour
    if colour not in GREY_AND_RGB.values():
        return Wrong("mode", colour, "RGB"), colour
    if format_ in ("JPEG", "WEBP", "TIFF") or names & {b"eXIf", b"acTL"}:
        return _unseen_by_some(content), colour
    return None, colour


def _unseen_by_some(content: bytes) -> Wrong | None:
    """What a part of the readers leaves out."""
    with Image.open(io.BytesIO(content), formats=formats.FORMATS) as image:
        turned = image.getexif().get(ORIENTATION, 1)
        frames = getattr(image, "n_frames", 1)
    if turned not in (0, 1):
        return Wrong("orientation", f"EXIF orientation {turned}", "none: some readers ignore it")
    return Wrong("frames", f"{frames} frames", "one") if frames > 1 else None


def _chunks(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Names of a PNG's chunks, and where each begins; as far as they are there."""
    position = len(images.PNG_SIGNATURE)
    while position + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        yield name, position
        position += 12 + length


def png_fault(content: bytes) -> str | None:
    """What is wrong with the chunks of a PNG; decoders let most of that pass."""
    end, name = len(images.PNG_SIGNATURE), b""
    for name, position in _chunks(content):
        (length,) = struct.unpack_from(">I", content, position)
        end = position + 12 + length
        if end > len(content):
            return f"truncated in chunk {shown(name.decode('latin-1'))}"
        body = content[position + 4 : end - 4]
        if zlib.crc32(body) != int.from_bytes(content[end - 4 : end], "big"):
            return f"wrong CRC-32 of chunk {shown(name.decode('latin-1'))}"
        if name == b"IEND":
            break
    if name != b"IEND":
        return "no end"
    return f"{len(content) - end:,} bytes after its end" if end < len(content) else None
