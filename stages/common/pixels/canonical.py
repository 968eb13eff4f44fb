"""Pictures of all modes as sRGB: what images.py says of orientation, profiles, grey and alpha."""

import functools
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from stages.common.pixels.formats import ImageError

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB

SRGB = ImageCms.createProfile("sRGB")
ROUNDING = 1  # of 255: the most that converting from one sRGB profile to another moves a value
STRIP = 32  # rows that are copied at once


def canonical(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I;32"):
        raise ImageError("unreadable", f"mode {image.mode}: floating point has no stated range")
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16-bit grey, as I;16, or I from older files
        grey = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
        upright = ImageOps.exif_transpose(Image.fromarray(((grey + 128) // 257).astype(np.uint8)))
        return _to_srgb(_turned_like(image, upright), profile)
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


def array(image: Image.Image) -> Pixels:
    """The pixels of an RGB image. By strips, since `np.asarray` makes two more copies meanwhile."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, STRIP):
        bottom = min(top + STRIP, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels
