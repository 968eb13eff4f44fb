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
| floating point | refused: there is no stated range |
| several frames | the first |
"""

import functools
import hashlib
import io
import struct
from pathlib import Path
from typing import IO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from stages.common import files

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB

# Formats of photographs, and none of programs, documents or films.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "BMP", "PPM", "GIF")
MAX_MEGAPIXELS = 250  # the most that is ever decoded: 750 MB as RGB
SRGB = ImageCms.createProfile("sRGB")
ROUNDING = 1  # of 255: the most that converting from one sRGB profile to another moves a value
HEAD = 4096  # bytes of a file that say what it is
STRIP = 32  # rows that are copied at once
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_START = PNG_SIGNATURE + b"\0\0\0\x0dIHDR"  # an IHDR chunk of 13 bytes comes first
PLAIN_CHUNKS = (b"IHDR", b"IDAT", b"IEND", b"pHYs", b"tIME")  # change no pixel

Image.MAX_IMAGE_PIXELS = None  # `decode` checks the size itself, and its error names it


class ImageError(Exception):
    """A file that can't be used: a short reason, to be counted, and a detail, to be read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


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
        with Image.open(file, formats=FORMATS) as image:
            return image.size
    except Exception:  # a broken file can raise anything in a decoder
        return None


def decode(content: bytes, *, max_megapixels: float = MAX_MEGAPIXELS) -> Pixels:
    """Decode a file's content.

    Raises:
        ImageError: `not an image`, `truncated`, `too large` or `unreadable`.
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
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            mode = f"{image.format} {image.mode}"
            _check_size(image.width, image.height, max_megapixels)
            image.load()
            pixels = _array(_canonical(image))
    except (ImageError, MemoryError):  # too little memory is no fault of the file
        raise
    except UnidentifiedImageError:
        raise ImageError("not an image", _kind(content)) from None
    except Exception as error:  # a broken file can raise anything in a decoder
        detail = " ".join(str(error).split()) or type(error).__name__
        words = ("truncated", "unexpected end", "broken png")
        truncated = any(word in detail.lower() for word in words)
        raise ImageError("truncated" if truncated else "unreadable", detail) from None
    return pixels, mode


def check_known(path: Path) -> None:
    """Look at a file's first bytes, so that a film, for example, is never read whole.

    Raises:
        ImageError: `not an image`, with the detail that `decode` would give.
        OSError: where the file can't be read.
    """
    with path.open("rb") as file:
        check_head(file.read(HEAD))


def check_head(head: bytes) -> None:
    """`check_known` of bytes that were read."""
    if not is_known(head):
        raise ImageError("not an image", _kind(head))


def is_known(head: bytes) -> bool:
    """Whether a file that begins with `head`, 16 bytes or more, may be of one of `FORMATS`.

    True for all that `decode` opens; also for a few others, which it refuses as `not an image`.
    """
    Image.init()
    return any(_accepts(name, head[:16]) for name in FORMATS)


def _accepts(name: str, head: bytes) -> bool:
    """What `Image.open` asks of a format before it tries to open a file; it reads 16 bytes."""
    accept = Image.OPEN[name][1]
    try:
        accepted = accept is None or accept(head)
        return bool(accepted) and not isinstance(accepted, str)  # text: Pillow was built without it
    except (SyntaxError, IndexError, TypeError, struct.error):  # too short; as `Image.open` does
        return False


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


def _kind(content: bytes) -> str:
    if not content:
        return "the file is empty"
    if b"\0" not in content[:HEAD]:
        return "looks like text"
    return f"no known image format, begins with {content[:8].hex(' ')}"


def _canonical(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I;32"):
        raise ImageError("unreadable", f"mode {image.mode}: floating point has no stated range")
    if image.mode.startswith("I"):  # 16-bit grey, as I;16, or I from older files
        grey = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
        upright = ImageOps.exif_transpose(Image.fromarray(((grey + 128) // 257).astype(np.uint8)))
        return _in_mode("RGB", _turned_like(image, upright))
    profile = image.info.get("icc_profile")
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return _over_white(_in_mode("RGBA", image), profile)
    return _to_srgb(image, profile)


def _turned_like(original: Image.Image, grey: Image.Image) -> Image.Image:
    orientation = original.getexif().get(0x0112, 1)
    if orientation != 1:
        grey.getexif()[0x0112] = orientation
        grey = ImageOps.exif_transpose(grey)
    return grey


def _over_white(image: Image.Image, profile: bytes | None) -> Image.Image:
    colour = _to_srgb(image.convert("RGB"), profile)
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(colour, mask=image.getchannel("A"))
    return white


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "1":
        return image.convert("RGB")
    if profile:
        try:
            if image.mode != "RGB" or not _is_srgb(profile):
                return _converted(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile, or one for another mode, counts as sRGB
    return _in_mode("RGB", image)


@functools.lru_cache(maxsize=64)  # photographs of one camera share a profile
def _is_srgb(profile: bytes) -> bool:
    """Whether a profile for RGB leaves values as they are, up to rounding.

    Its name does not tell: "sRGB linear" does not, and many cameras' own profiles do. To convert
    from such a profile would only add the rounding.

    Raises:
        PyCMSError, OSError, ValueError: where the profile is damaged or not for RGB.
    """
    sample = _sample()
    converted = np.asarray(_converted(Image.fromarray(sample), profile))
    return int(np.abs(converted.astype(int) - sample).max()) <= ROUNDING


def _sample() -> Pixels:
    """All 256 greys, and 18 x 18 x 18 colours, (1, 6088, 3)."""
    greys = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, -1, 3)
    colours = np.indices((18, 18, 18), np.uint8).reshape(3, -1).T[None] * np.uint8(15)
    return np.concatenate([greys, colours], axis=1)


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    """An image in the mode of its profile, converted to sRGB.

    Raises:
        PyCMSError, OSError, ValueError: where the profile is damaged or for another mode.
    """
    converted = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        SRGB,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # it is only where the image is changed in place
    return converted


def _in_mode(mode: str, image: Image.Image) -> Image.Image:
    """Convert to a mode, unless the image has it already, which `convert` would copy."""
    return image if image.mode == mode else image.convert(mode)


def _array(image: Image.Image) -> Pixels:
    """The pixels of an RGB image. By strips, since `np.asarray` makes two more copies meanwhile."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, STRIP):
        bottom = min(top + STRIP, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def resize(pixels: Pixels, width: int, height: int, filter_: Image.Resampling) -> Pixels:
    """Resize with Pillow, which filters against aliasing."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), filter_))


def pixels_sha256(pixels: Pixels) -> str:
    """SHA-256 of size and pixels, hexadecimal: equal for the same picture in two lossless files."""
    digest = hashlib.sha256(struct.pack(">II", *pixels.shape[:2]))
    digest.update(pixels.tobytes())
    return digest.hexdigest()
