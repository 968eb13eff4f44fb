"""The one door for pixels: what every kind of file becomes."""

import hashlib
import io
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from stages.common.pixels import png
from stages.common.pixels.formats import FORMATS, is_known
from stages.common.pixels.images import (
    ImageError,
    Pixels,
    check_known,
    decode,
    decode_with_mode,
    pixels_sha256,
    read,
    resize,
)
from tests.conftest import SAMPLES, encoded, environment, noise
from tests.strategies import pixels as any_pixels

WIDE = 8  # of the little pictures; higher than wide, so that a turn shows
HIGH = 12

# What a viewer does with each value of EXIF's orientation: the array operation, by TIFF 6.0.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def ramp(channels: int) -> np.ndarray:
    """(HIGH, WIDE, channels) uint8, no two values alike in a channel."""
    values = np.arange(HIGH * WIDE, dtype=np.uint8).reshape(HIGH, WIDE, 1)
    return np.concatenate([values * 2 + channel for channel in range(channels)], axis=2)


def png_by_hand(
    width: int, height: int, *, bits: int, colour: int, rows: bytes, more: bytes = b""
) -> bytes:
    """A PNG by hand: for what Pillow does not write. `rows` hold the filter bytes already."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def test_rgb_comes_through_as_it_is() -> None:
    pixels = noise(HIGH, WIDE)
    for kind in ("PNG", "BMP", "PPM", "TIFF"):
        assert decode(encoded(pixels, kind)).tolist() == pixels.tolist()


def test_lossy_formats_look_as_pillow_sees_them(sample_pixels: list[Pixels]) -> None:
    for kind in ("JPEG", "WEBP", "AVIF", "JPEG2000"):
        content = encoded(sample_pixels[0], kind)
        seen = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        pixels, mode = decode_with_mode(content)
        assert mode == f"{kind} RGB"
        assert pixels.tolist() == seen.tolist()
        assert np.abs(pixels.astype(int) - sample_pixels[0]).mean() < 8


def test_a_jpeg_is_stored_as_ycbcr_and_leaves_as_rgb() -> None:
    red = np.full((16, 16, 3), (200, 40, 10), np.uint8)
    pixels = decode(encoded(red, "JPEG", quality=95))
    assert np.abs(pixels.astype(int) - red).max() <= 3


def test_grey_becomes_rgb_of_the_same_values() -> None:
    grey = ramp(1)[:, :, 0]
    for kind in ("PNG", "TIFF", "BMP"):
        pixels, mode = decode_with_mode(encoded(grey, kind))
        assert mode == f"{kind} L"
        assert pixels.tolist() == np.dstack([grey] * 3).tolist()


def test_one_bit_becomes_black_and_white() -> None:
    bits = ramp(1)[:, :, 0] % 3 == 0
    pixels, mode = decode_with_mode(encoded(Image.fromarray(bits), "PNG"))
    assert mode == "PNG 1"
    assert pixels.tolist() == np.dstack([np.where(bits, 255, 0)] * 3).tolist()


def test_one_bit_with_a_profile_becomes_black_and_white() -> None:
    bits = ramp(1)[:, :, 0] % 3 == 0
    content = encoded(Image.fromarray(bits), "PNG", icc_profile=swapped_primaries())
    assert decode(content).tolist() == np.dstack([np.where(bits, 255, 0)] * 3).tolist()


def test_a_palette_is_looked_up() -> None:
    colours = noise(1, 256)[0]
    indices = ramp(1)[:, :, 0]
    image = Image.frombytes("P", (WIDE, HIGH), indices.tobytes())
    image.putpalette(colours.tobytes())
    pixels, mode = decode_with_mode(encoded(image, "PNG"))
    assert mode == "PNG P"
    assert pixels.tolist() == colours[indices].tolist()


def test_transparent_palette_entries_lie_over_white() -> None:
    colours = noise(1, 256)[0]
    indices = ramp(1)[:, :, 0]
    image = Image.frombytes("P", (WIDE, HIGH), indices.tobytes())
    image.putpalette(colours.tobytes())
    expected = colours.copy()
    expected[4] = 255
    assert decode(encoded(image, "PNG", transparency=4)).tolist() == expected[indices].tolist()
    assert decode(encoded(image, "GIF", transparency=4)).tolist() == expected[indices].tolist()


def test_palette_with_alpha_of_its_own_is_blended() -> None:
    colours = np.tile(np.array([[0, 0, 0]], np.uint8), (256, 1))
    image = Image.frombytes("P", (2, 1), bytes([0, 1]))
    image.putpalette(colours.tobytes())
    pixels = decode(encoded(image, "PNG", transparency=bytes([255, 51])))
    assert pixels[0].tolist() == [[0, 0, 0], [204, 204, 204]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_lies_over_white(kind: str) -> None:
    pixels = ramp(4)
    pixels[:, :, 3] = np.linspace(0, 255, HIGH * WIDE).reshape(HIGH, WIDE)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    seen, mode = decode_with_mode(encoded(pixels, kind, **options))
    alpha = pixels[:, :, 3:].astype(float) / 255
    expected = pixels[:, :, :3] * alpha + 255 * (1 - alpha)
    assert mode == f"{kind} RGBA"
    assert np.abs(seen - expected).max() <= 1
    assert seen[0, 0].tolist() == [255, 255, 255]  # where nothing can be seen, not what is stored


def test_grey_with_alpha_lies_over_white() -> None:
    pixels = np.array([[[10, 255], [10, 0], [10, 51]]], np.uint8)
    seen, mode = decode_with_mode(encoded(la(pixels), "PNG"))
    assert mode == "PNG LA"
    assert seen[0].tolist() == [[10] * 3, [255] * 3, [206] * 3]


def la(pixels: np.ndarray) -> Image.Image:
    return Image.frombytes("LA", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


def test_a_transparent_colour_lies_over_white() -> None:
    pixels = ramp(3)
    expected = pixels.copy()
    expected[2, 3] = 255
    colour = tuple(pixels[2, 3].tolist())
    assert decode(encoded(pixels, "PNG", transparency=colour)).tolist() == expected.tolist()
    grey = ramp(1)[:, :, 0]
    seen = decode(encoded(grey, "PNG", transparency=int(grey[2, 3])))
    assert seen[2, 3].tolist() == [255] * 3
    assert seen[2, 4].tolist() == [grey[2, 4]] * 3


def test_cmyk_becomes_rgb() -> None:
    inks = np.zeros((16, 32, 4), np.uint8)
    inks[:, :16] = (0, 255, 255, 0)  # magenta and yellow: red
    inks[:, 16:] = (0, 0, 0, 128)  # half of the black: grey
    image = Image.frombytes("CMYK", (32, 16), inks.tobytes())
    for kind in ("JPEG", "TIFF"):
        pixels, mode = decode_with_mode(encoded(image, kind))
        assert mode == f"{kind} CMYK"
        assert np.abs(pixels[8, 4].astype(int) - (255, 0, 0)).max() <= 6
        assert np.abs(pixels[8, 28].astype(int) - (127, 127, 127)).max() <= 6


def test_lab_becomes_rgb() -> None:
    white = Image.frombytes("LAB", (2, 1), bytes([255, 0, 0, 0, 0, 0]))  # L*, a*, b*
    pixels = decode(encoded(white, "TIFF"))
    assert np.abs(pixels[0].astype(int) - [[255] * 3, [0] * 3]).max() <= 3


def test_16_bit_grey_is_rounded_to_8() -> None:
    values = np.array([[0, 128, 129, 257, 385, 386, 32768, 65406, 65407, 65535]], np.uint16)
    expected = np.round(values / 257).astype(int)
    assert expected[0].tolist() == [0, 0, 1, 1, 1, 2, 128, 254, 255, 255]
    for kind in ("PNG", "TIFF"):
        pixels, mode = decode_with_mode(encoded(values, kind))
        assert mode == f"{kind} I;16"
        assert pixels.tolist() == np.dstack([expected] * 3).tolist()


def test_16_bit_grey_of_an_older_byte_order_is_the_same() -> None:
    values = np.array([[0, 300, 40000, 65535]], np.uint16)
    content = encoded(Image.frombytes("I;16B", (4, 1), values.astype(">u2").tobytes()), "TIFF")
    pixels, mode = decode_with_mode(content)
    assert mode == "TIFF I;16B"
    assert pixels[0, :, 0].tolist() == np.round(values / 257).astype(int)[0].tolist()


def test_16_bit_rgb_gives_its_8_high_bits() -> None:
    values = np.array([[[0, 255, 256], [511, 32767, 32768], [65279, 65280, 65535]]], np.uint16)
    rows = b"\0" + values.astype(">u2").tobytes()
    pixels = decode(png_by_hand(3, 1, bits=16, colour=2, rows=rows))
    assert pixels.tolist() == (values >> 8).tolist()


def test_16_bit_rgb_with_alpha_lies_over_white() -> None:
    values = np.array([[[0, 256, 65535, 65535], [1, 2, 3, 0]]], np.uint16)
    pixels = decode(
        png_by_hand(2, 1, bits=16, colour=6, rows=b"\0" + values.astype(">u2").tobytes())
    )
    assert pixels.tolist() == [[[0, 1, 255], [255, 255, 255]]]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits_spans_black_to_white(bits: int) -> None:
    top = 2**bits - 1
    packed = bytes([(0 << (8 - bits)) | (top << (8 - 2 * bits))])
    pixels = decode(png_by_hand(2, 1, bits=bits, colour=0, rows=b"\0" + packed))
    assert pixels.tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_orientation_is_applied(turn: int, kind: str) -> None:
    pixels = np.kron(noise(3, 2, seed=turn), np.ones((16, 16, 1), np.uint8))  # survives JPEG
    options = {"lossless": True} if kind == "WEBP" else {}
    plain = decode(encoded(pixels, kind, **options))
    turned = decode(encoded(pixels, kind, exif=orientation(turn), **options))
    assert turned.tolist() == UPRIGHT[turn](plain).tolist()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_orientation_is_applied_to_16_bit_grey(turn: int, kind: str) -> None:
    values = ramp(1)[:, :, 0].astype(np.uint16) * 257
    pixels = decode(encoded(values, kind, exif=orientation(turn)))
    expected = UPRIGHT[turn](ramp(1))
    assert pixels.tolist() == np.dstack([expected] * 3).tolist()


@pytest.mark.parametrize("turn", [3, 6])
def test_orientation_is_applied_to_alpha_and_palette(turn: int) -> None:
    alpha = ramp(4)
    alpha[:, :, 3] = 255
    seen = decode(encoded(alpha, "PNG", exif=orientation(turn)))
    assert seen.tolist() == UPRIGHT[turn](alpha[:, :, :3]).tolist()
    palette = Image.fromarray(noise(HIGH, WIDE)).quantize(16)
    look = np.asarray(palette.convert("RGB"))
    seen = decode(encoded(palette, "PNG", exif=orientation(turn)))
    assert seen.tolist() == UPRIGHT[turn](look).tolist()


def swapped_primaries() -> bytes:
    """A profile in which red is what sRGB calls green, and green red; its name says sRGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {}
    (count,) = struct.unpack_from(">I", profile, 128)
    for place in range(132, 132 + 12 * count, 12):
        places[bytes(profile[place : place + 4])] = place
    profile[places[b"rXYZ"] : places[b"rXYZ"] + 4] = b"gXYZ"
    profile[places[b"gXYZ"] : places[b"gXYZ"] + 4] = b"rXYZ"
    return bytes(profile)


def icc_profile(name: str, curve: Sequence[int]) -> bytes:
    """An ICC profile, version 2, for RGB with sRGB's primaries, by hand.

    Args:
        name: its description, ASCII.
        curve: each channel's light at even steps of its value, 0..65535; empty for light = value.

    Source: ICC.1:2001-04, 6.1 (header), 6.3 (tags), 6.5 (their types).
    """

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))

    text = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    light = b"curv\0\0\0\0" + struct.pack(f">I{len(curve)}H", len(curve), *curve)
    tags = {
        b"desc": described,
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(0.43607, 0.22249, 0.01392),
        b"gXYZ": xyz(0.38515, 0.71687, 0.09708),
        b"bXYZ": xyz(0.14307, 0.06061, 0.71410),
        b"rTRC": light,
        b"gTRC": light,
        b"bTRC": light,
    }
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        offset = 132 + 12 * len(tags) + len(data)
        table += struct.pack(">4sII", tag, offset, len(content))
        data += content + bytes(-len(content) % 4)
    size = 128 + len(table) + len(data)
    header = struct.pack(">I4xI4s4s4s", size, 0x02100000, b"mntr", b"RGB ", b"XYZ ").ljust(
        36, b"\0"
    )
    header = (header + b"acsp").ljust(68, b"\0") + xyz(0.9642, 1, 0.8249)[8:]
    return header.ljust(128, b"\0") + table + data


def srgb_light(value: np.ndarray) -> np.ndarray:
    """sRGB's transfer function, from values to light, both 0..1; IEC 61966-2-1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb_value(light: np.ndarray) -> np.ndarray:
    """`srgb_light` the other way."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    pixels = noise(HIGH, WIDE)
    for kind in ("PNG", "TIFF"):
        seen = decode(encoded(pixels, kind, icc_profile=swapped_primaries()))
        expected = pixels[:, :, [1, 0, 2]]
        assert np.abs(seen.astype(int) - expected).max() <= 2


def test_a_profile_is_converted_below_alpha_too() -> None:
    pixels = np.dstack([noise(HIGH, WIDE), np.full((HIGH, WIDE), 255, np.uint8)])
    seen = decode(encoded(pixels, "PNG", icc_profile=swapped_primaries()))
    assert np.abs(seen.astype(int) - pixels[:, :, [1, 0, 2]]).max() <= 2


def test_a_profile_is_converted_after_the_turn() -> None:
    pixels = noise(HIGH, WIDE)
    options = {"icc_profile": swapped_primaries(), "exif": orientation(6)}
    seen = decode(encoded(pixels, "PNG", **options))
    assert np.abs(seen.astype(int) - np.rot90(pixels, -1)[:, :, [1, 0, 2]]).max() <= 2


def test_a_grey_profile_keeps_white_black_and_order() -> None:
    grey = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    values = np.arange(256, dtype=np.uint8).reshape(1, 256)
    seen = decode(encoded(values, "PNG", icc_profile=grey))  # of another mode: counts as sRGB
    assert seen[0, :, 1].tolist() == values[0].tolist()


@pytest.mark.parametrize("name", ["sRGB linear", "linear sRGB", "Linear"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_linear_profile_is_converted_whatever_its_name(name: str, kind: str) -> None:
    pixels = noise(HIGH, WIDE)
    seen = decode(encoded(pixels, kind, icc_profile=icc_profile(name, [])))
    assert np.abs(seen - 255 * srgb_value(pixels / 255)).max() <= 2


def every_grey_and_some_colours() -> Pixels:
    """(1, 4352, 3): 256 greys and 4096 colours."""
    greys = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, -1, 3)
    colours = np.indices((16, 16, 16), np.uint8).reshape(3, -1).T[None] * np.uint8(17)
    return np.concatenate([greys, colours], axis=1)


def srgb_profiles() -> dict[str, bytes]:
    """sRGB as littleCMS writes it, and with its curve as a table, as HP and cameras write it."""
    curve = np.round(65535 * srgb_light(np.linspace(0, 1, 1024))).astype(int).tolist()
    return {
        "littleCMS": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "table": icc_profile("sRGB IEC61966-2.1", curve),
        "table of another name": icc_profile("Camera", curve),
    }


@pytest.mark.parametrize("name", srgb_profiles())
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_an_srgb_profile_changes_nothing(name: str, kind: str) -> None:
    pixels = every_grey_and_some_colours()
    seen = decode(encoded(pixels, kind, icc_profile=srgb_profiles()[name]))
    assert seen.tolist() == pixels.tolist()


def test_a_profile_that_many_photographs_share_is_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents = [
        encoded(noise(HIGH, WIDE, seed), "PNG", icc_profile=srgb_profiles()["table"])
        for seed in range(2)
    ]
    decode(contents[0])
    monkeypatch.setattr(ImageCms, "profileToProfile", None)  # to call it would be an error
    monkeypatch.setattr(ImageCms, "ImageCmsProfile", None)
    assert decode(contents[1]).tolist() == noise(HIGH, WIDE, 1).tolist()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_is_converted_like_that_of_8(kind: str) -> None:
    linear = imagecodecs.cms_profile("gray", whitepoint=[0.3127, 0.329, 1.0], gamma=1.0)
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    seen = decode(encoded(values, kind, icc_profile=linear))
    assert (seen[0, 0, 0], seen[4, 0, 0], seen[15, 15, 0]) == (0, 137, 255)
    deep = decode(encoded(values.astype(np.uint16) * 257, kind, icc_profile=linear))
    assert deep.tolist() == seen.tolist()


@pytest.mark.parametrize("profile", [b"no profile", swapped_primaries()[:200], b"\0" * 500])
def test_a_broken_profile_counts_as_srgb(profile: bytes) -> None:
    pixels = noise(HIGH, WIDE)
    assert decode(encoded(pixels, "PNG", icc_profile=profile)).tolist() == pixels.tolist()


def test_a_profile_for_another_mode_counts_as_srgb() -> None:
    inks = ImageCms.createProfile("LAB")
    pixels = noise(HIGH, WIDE)
    content = encoded(pixels, "PNG", icc_profile=ImageCms.ImageCmsProfile(inks).tobytes())
    assert decode(content).tolist() == pixels.tolist()


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (9, 7), colour) for colour in ((250, 0, 0), (0, 250, 0))]
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert Image.open(io.BytesIO(content)).n_frames == 2
        assert decode(content).tolist() == np.full((7, 9, 3), (250, 0, 0)).tolist()


REFUSED = {
    "empty": (b"", "not an image", "the file is empty"),
    "text": (b"Shot on a cloudy day.\n", "not an image", "looks like text"),
    "unknown": (
        b"\x00\x01\x02\x03\x04\x05\x06\x07\x08",
        "not an image",
        "no known image format, begins with 00 01 02 03 04 05 06 07",
    ),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image", "looks like text"),
    "floating point": (
        encoded(np.ones((4, 5), np.float32), "TIFF"),
        "unreadable",
        "mode F: floating point has no stated range",
    ),
    "more megapixels than allowed": (
        encoded(noise(1001, 1000), "PNG"),
        "too large",
        "1000x1001 px, more than 1 megapixels",
    ),
}


def samples_of_all_formats() -> dict[str, bytes]:
    """Files of every format, and of those variants of it that begin with other bytes."""
    rgb = Image.fromarray(noise(HIGH, WIDE))
    grey = Image.fromarray(ramp(1)[:, :, 0])
    films = {"save_all": True, "append_images": [Image.new("RGB", (WIDE, HIGH))]}
    return {
        **{kind: encoded(rgb, kind) for kind in FORMATS},
        "PNG, alpha": encoded(ramp(4), "PNG"),
        "TIFF, big-endian": encoded(Image.new("I;16B", (4, 3)), "TIFF"),
        "BigTIFF": encoded(rgb, "TIFF", big_tiff=True),
        "WEBP, lossless": encoded(rgb, "WEBP", lossless=True),
        "WEBP, extended": encoded(ramp(4), "WEBP", exif=orientation(6)),
        "WEBP, frames": encoded(rgb, "WEBP", **films),
        "AVIF, frames": encoded(rgb, "AVIF", **films),
        "AVIF, as a still image": encoded(rgb, "AVIF").replace(b"ftypavif", b"ftypmif1", 1),
        "JPEG2000, codestream": encoded(rgb, "JPEG2000", no_jp2=True),
        "GIF, frames": encoded(rgb, "GIF", **films),
        "GIF87a": encoded(rgb, "GIF").replace(b"GIF89a", b"GIF87a", 1),
        "JPEG, EXIF": encoded(rgb, "JPEG", exif=orientation(3)),
        "JPEG, several": encoded(rgb, "MPO", **films),
        "JPEG, bare": b"\xff\xd8" + encoded(rgb, "JPEG")[20:],  # without JFIF's segment
        "PPM, 1 bit": encoded(grey.convert("1"), "PPM"),
        "PPM, grey": encoded(grey, "PPM"),
        "PPM, plain 1 bit": b"P1 2 1 0 1",
        "PPM, plain grey": b"P2 2 1 255 0 9",
        "PPM, plain": b"P3 1 1 255 0 9 1",
    }


IMAGES = samples_of_all_formats()


@pytest.mark.parametrize("kind", IMAGES)
def test_a_file_of_any_format_is_known_by_its_first_bytes(kind: str, tmp_path: Path) -> None:
    content = IMAGES[kind]
    assert decode(content).shape[2] == 3
    assert is_known(content[:16])
    assert is_known(content)
    (tmp_path / "image").write_bytes(content)
    check_known(tmp_path / "image")


NO_IMAGES = {
    "empty": b"",
    "one byte": b"\xff",
    "text": b"Shot on a cloudy day.\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "photoshop": b"8BPS\0\1\0\0\0\0\0\0\0\3\0\0",
    "icon": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4",
    "zip": b"PK\3\4\x14\0\0\0\x08\0\0\0\x21\0\0\0",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3\0\0",
    "program": b"\x7fELF\2\1\1" + bytes(9),
    "mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "mov": b"\0\0\0\x14ftypqt  \0\0\2\0qt  ",
    "matroska": b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\1\x42\xf7\x81\1\x42\xf2\x81",
    "avi": b"RIFF\x24\0\0\0AVI LIST\0\0\0\0",
    "wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
    "raw of Fujifilm": b"FUJIFILMCCD-RAW 0201FF389501",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("kind", NO_IMAGES)
def test_what_is_no_image_is_not_known_and_is_refused_in_the_words_of_decode(
    kind: str, tmp_path: Path
) -> None:
    content = NO_IMAGES[kind]
    assert not is_known(content)
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ImageError) as early:
        check_known(tmp_path / "file")
    with pytest.raises(ImageError) as late:
        decode(content)
    assert str(early.value) == str(late.value)


@given(st.sampled_from(list(IMAGES.values())), st.data())
def test_what_is_not_known_does_not_decode(content: bytes, data: st.DataObject) -> None:
    """Whatever happens to a file's first bytes: what `decode` opens is known."""
    changed = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, min(len(content), 32) - 1), max_size=3)):
        changed[place] = data.draw(st.integers(0, 255))
    content = bytes(changed[data.draw(st.sampled_from([0, 0, 0, 1])) :])
    if not is_known(content[:64]):
        with pytest.raises(ImageError, match=r"not an image|camera raw|HEIC|a video"):
            decode(content)


def test_of_a_large_file_only_the_first_bytes_are_read(tmp_path: Path) -> None:
    with (tmp_path / "film.mp4").open("wb") as file:
        file.write(NO_IMAGES["mp4"])
        file.truncate(2**40)  # holds no blocks
    with pytest.raises(ImageError, match="a video"):
        check_known(tmp_path / "film.mp4")


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_and_why(kind: str) -> None:
    content, reason, detail = REFUSED[kind]
    with pytest.raises(ImageError) as raised:
        decode(content, max_megapixels=1)
    assert (raised.value.reason, raised.value.detail) == (reason, detail)
    assert str(raised.value) == f"{reason}: {detail}"


def test_a_size_at_the_limit_is_allowed() -> None:
    assert decode(encoded(noise(1000, 1000), "PNG"), max_megapixels=1).shape == (1000, 1000, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_file_is_truncated(kind: str, share: float, sample_pixels: list[Pixels]) -> None:
    content = encoded(sample_pixels[0], kind)
    with pytest.raises(ImageError) as raised:
        decode(content[: int(len(content) * share)])
    assert raised.value.reason == "truncated"


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "TIFF", "BMP", "PPM", "GIF", "JPEG2000"])
def test_a_cut_file_of_any_format_is_refused(kind: str, sample_pixels: list[Pixels]) -> None:
    content = encoded(sample_pixels[0], kind)
    with pytest.raises(ImageError) as raised:
        decode(content[: len(content) // 2])
    assert raised.value.reason in ("truncated", "unreadable", "not an image")


def test_damage_inside_a_png_is_refused(sample_pixels: list[Pixels]) -> None:
    content = bytearray(png.encode(sample_pixels[0]))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(ImageError) as raised:
        decode(bytes(content))
    assert raised.value.reason in ("truncated", "unreadable")


DECODE = """
import sys
from stages.common.pixels.images import ImageError, decode
try:
    print(decode(sys.stdin.buffer.read()).shape, end="")
except ImageError as error:
    print(error, end="")
"""


def decoded_within(memory: int, content: bytes) -> subprocess.CompletedProcess[bytes]:
    """Decode in a process that may map only so much memory; prints the size, or why not."""

    def little_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    return subprocess.run(
        [sys.executable, "-c", DECODE],
        input=content,
        capture_output=True,
        env=environment(),
        preexec_fn=little_memory,
        timeout=60,
    )


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    bomb = png_by_hand(60_000, 60_000, bits=8, colour=2, rows=b"")
    done = decoded_within(3 * 2**30, bomb)  # it would take 10 GB
    assert done.stderr.decode() == ""
    assert done.stdout.decode() == "too large: 60000x60000 px, more than 250 megapixels"


def test_200_megapixels_are_decoded_in_a_few_bytes_each() -> None:
    content = encoded(Image.new("RGB", (20_000, 10_000), (90, 120, 60)), "JPEG")
    done = decoded_within(9 * 2**28, content)  # 2.25 GiB, the interpreter and libraries too
    assert done.stderr.decode() == ""
    assert done.stdout.decode() == "(10000, 20000, 3)"


def test_want_of_memory_is_no_fault_of_the_file() -> None:
    content = encoded(Image.new("RGB", (20_000, 10_000), (90, 120, 60)), "JPEG")
    done = decoded_within(2**30, content)
    assert done.stdout.decode() == ""
    assert "MemoryError" in done.stderr.decode().splitlines()[-1]


@given(any_pixels)
def test_the_hash_of_pixels_tells_size_and_pixels(pixels: Pixels) -> None:
    height, width, _ = pixels.shape
    expected = hashlib.sha256(struct.pack(">II", height, width) + pixels.tobytes()).hexdigest()
    assert pixels_sha256(pixels) == expected
    assert pixels_sha256(pixels[:, :, ::-1][:, :, ::-1]) == expected
    if height != width:
        assert pixels_sha256(pixels.reshape(width, height, 3)) != expected


def test_resize_is_pillows(sample_pixels: list[Pixels]) -> None:
    for method in (Image.Resampling.LANCZOS, Image.Resampling.BOX):
        seen = resize(sample_pixels[0], 100, 61, method)
        pillow = Image.fromarray(sample_pixels[0]).resize((100, 61), method)
        assert seen.tolist() == np.asarray(pillow).tolist()


def test_every_good_trouble_of_the_samples_opens() -> None:
    shapes = {
        path.name: read(path).shape
        for path in sorted((SAMPLES / "troubles").glob("*"))
        if path.name not in ("notes.txt", "truncated.jpg")
    }
    assert shapes["rotated.jpg"] == (720, 600, 3)  # stored lying
    assert shapes["cmyk.jpg"] == shapes["sixteen-bit.png"] == shapes["palette.png"] == (640, 640, 3)


def test_turned_here_as_turned_by_pillow(sample_pixels: list[Pixels]) -> None:
    content = encoded(sample_pixels[1], "JPEG", exif=orientation(8))
    with Image.open(io.BytesIO(content)) as image:
        assert decode(content).tolist() == np.asarray(ImageOps.exif_transpose(image)).tolist()
