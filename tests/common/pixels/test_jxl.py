"""JPEG XL, as libjxl encodes it: the same policy as for every other format."""

import base64
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from stages.common.pixels import icc, jxl
from stages.common.pixels.images import ImageError, Pixels, decode, decode_with_mode, size_of
from tests.common.pixels.test_images import UPRIGHT, orientation, srgb_light
from tests.conftest import encoded, noise

# 4 x 3 px, written by cjxl 0.7 from PNG with the profiles Display P3 and ProPhoto RGB.
P3_LOSSY = (
    "/woQMJCQyYUAE4gAiAL//5IFAIAKlVHGDV7O9Xz5ocNi2sZ1hrbatrAkUWQcm6QTOCSJVT3GTMOSvm9jLrTRNB"
    "3BBKyQAjtcu1VFRZKRkswYWUoVY4wUnVuxAYb2E8HkxufHMIOxUDAmhkV3wXsqbyZEq4CnxFl0sbILFfnDOTR/"
    "71NMzbbrTNe5FcwS9VSlC/Z3fk1DP9/rxL5d7rEM91drmUr2VUvaH+fthRIHMD4="
)
PROPHOTO = (
    "/woQMBDCW8OAnJgHoHRJDlxOAXC83r6frzRKVWNH6MRQIf2iIpJ96wk+R4NaFiazioJY68FrPclwuQUNh8PFNn"
    "j0YAAxDTVNEvCK0ypjtlngWmYAGfi/UMnKWxoTuZxssJkyT4oACVUlMdFoJTmesX9Je1x3AZvp9AI09ASVJZV0"
    "hESDA1Q1VQJkJFVUxJTBti0agKdo2iQFfO359+856nZcE7gvyL9/7xX69+++RPiYAwO3ZrVO4PrC/fv3L+Dfv+"
    "/Ne88r+LEBGQ2DhexwnE9lM254eWoISarxyweg+FXI4RXSbEDdhcJx/8R7HggCAQB4AEsYixXCAapbgL16gL1Q"
    "KBT6gFQw8/A5cAoAnYEZAA=="
)


def of(pixels: np.ndarray, **options: object) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(pixels, **{"lossless": True} | options))


def ramp16(*shape: int) -> np.ndarray:
    return np.linspace(0, 65535, int(np.prod(shape))).reshape(shape).astype(np.uint16)


def from_light(values: np.ndarray) -> np.ndarray:
    """Linear light of 16 bits as sRGB of 16 bits."""
    x = values / 65535
    y = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.rint(65535 * y)


@pytest.mark.parametrize("container", [False, True])
def test_rgb_comes_through_as_it_is(container: bool) -> None:
    pixels = noise(31, 70)
    seen, mode = decode_with_mode(of(pixels, usecontainer=container))
    assert (seen.tolist(), mode) == (pixels.tolist(), "JXL RGB")


def test_lossy_looks_like_the_picture(sample_pixels: list[Pixels]) -> None:
    seen = decode(of(sample_pixels[0], lossless=False, distance=0.5))
    assert np.abs(seen.astype(int) - sample_pixels[0]).mean() < 2


def test_grey_becomes_rgb_of_the_same_values() -> None:
    grey = noise(9, 8)[..., 0]
    seen, mode = decode_with_mode(of(grey))
    assert (seen.tolist(), mode) == (np.stack([grey] * 3, axis=2).tolist(), "JXL L")


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_lies_over_white(channels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (9, 8, channels), dtype=np.uint8)
    image = Image.fromarray(pixels, "LA") if channels == 2 else Image.fromarray(pixels)
    assert decode(of(pixels)).tolist() == decode(encoded(image, "PNG")).tolist()


def test_16_bits_of_linear_light_become_srgb() -> None:
    """libjxl's encoder, as imagecodecs calls it, takes 16 bits for linear light and says so."""
    values = ramp16(12, 8, 3)
    seen = decode(of(values)).astype(int)
    assert np.abs(seen - from_light(values) // 256).max() <= 1
    grey = decode(of(values[..., 0]))[..., 0].astype(int)
    assert np.abs(grey - from_light(values[..., 0]) / 257).max() <= 1


def test_16_bits_with_alpha_lie_over_white() -> None:
    values = ramp16(12, 8, 4)
    values[..., 3] = 65535
    seen = decode(of(values)).astype(int)
    assert np.abs(seen - from_light(values[..., :3]) // 256).max() <= 1


def test_floating_point_is_refused() -> None:
    with pytest.raises(ImageError, match="unreadable: floating point has no stated range"):
        decode(of(np.zeros((4, 4, 3), np.float32)))


@pytest.mark.parametrize("turn", UPRIGHT)
def test_a_jpeg_made_into_jpeg_xl_is_that_jpeg(turn: int, sample_pixels: list[Pixels]) -> None:
    jpeg = encoded(sample_pixels[0][:80, :120], "JPEG", quality=90, exif=orientation(turn))
    content = bytes(imagecodecs.jpegxl_encode_jpeg(jpeg))
    seen, mode = decode_with_mode(content)
    assert mode == "JXL of JPEG"
    assert seen.tolist() == decode(jpeg).tolist()


def test_display_p3_becomes_srgb_and_other_profiles_are_refused() -> None:
    known = jxl.header(base64.b64decode(P3_LOSSY))
    assert (known.width, known.height, known.fault) == (4, 3, "")
    steps = np.arange(12).reshape(3, 4)
    in_p3 = np.stack([40 + steps * 15, 200 - steps * 10, 60 + steps * 5], axis=2).astype(np.uint8)
    wanted = decode(encoded(in_p3, "PNG", icc_profile=known.profile)).astype(int)
    assert np.abs(decode(base64.b64decode(P3_LOSSY)) - wanted).mean() < 1.5
    assert np.abs(in_p3 - wanted).mean() > 10
    with pytest.raises(ImageError) as raised:
        decode(base64.b64decode(PROPHOTO))
    assert str(raised.value) == (
        "unreadable: a profile that is not one of JPEG XL's own: convert it to sRGB first"
    )


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = np.stack([noise(9, 8, seed) for seed in range(3)])
    assert decode(of(frames)).tolist() == frames[0].tolist()


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("left", [3, 12, 40, -400, -1])
def test_a_cut_file_is_truncated(container: bool, left: int) -> None:
    content = of(noise(60, 80), usecontainer=container)[:left]
    if jxl.is_jxl(content):
        with pytest.raises(ImageError, match="truncated"):
            decode(content)
    else:
        with pytest.raises(ImageError, match="not an image"):
            decode(content)


SIZES = [(8, 8), (256, 256), (257, 100), (40, 48), (640, 480), (16, 9), (1, 1), (3000, 1), (5, 4)]


@pytest.mark.parametrize("size", [*SIZES, (16000, 9)])
def test_the_size_is_read_from_the_header(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    (tmp_path / "a.jxl").write_bytes(of(np.zeros((height, width, 3), np.uint8)))
    assert size_of(tmp_path / "a.jxl") == size


def test_the_size_is_checked_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = of(np.zeros((1000, 1001, 3), np.uint8))
    monkeypatch.setattr(imagecodecs, "jpegxl_decode", None)  # to call it would be an error
    with pytest.raises(ImageError, match="too large: 1001x1000 px, more than 1 megapixels"):
        decode(content, max_megapixels=1)


def test_linear_light_is_what_srgb_says() -> None:
    x = np.linspace(0, 1, icc.PLACES)
    assert np.abs(icc.to_light(icc.SRGB) - srgb_light(x)).max() < 1e-6
