"""The PNG files that this project writes: lossless, plain, the same each time, and small."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from stages.common.pixels import png
from stages.common.pixels.images import Pixels, decode, read
from tests.conftest import SAMPLES, encoded, noise
from tests.strategies import pixels as any_pixels

SIDE = 512  # px, of a tile


@given(any_pixels)
def test_a_png_of_any_pixels_comes_back_the_same(pixels: Pixels) -> None:
    content = png.encode(pixels)
    assert decode(content).tolist() == pixels.tolist()
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
        assert np.asarray(image).tolist() == pixels.tolist()


@given(any_pixels)
def test_the_same_pixels_give_the_same_bytes_whatever_their_memory_is_like(pixels: Pixels) -> None:
    content = png.encode(pixels)
    mirrored = np.ascontiguousarray(pixels[::-1, ::-1])[::-1, ::-1]  # negative strides
    wider = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 3, 3), np.uint8)
    wider[1:-1, 2:-1] = pixels
    assert png.encode(mirrored) == png.encode(wider[1:-1, 2:-1]) == png.encode(pixels) == content


def test_photographs_are_no_larger_than_pillow_writes_them(sample_pixels: list[Pixels]) -> None:
    ours = sum(len(png.encode(pixels)) for pixels in sample_pixels)
    assert ours <= sum(len(encoded(pixels, "PNG")) for pixels in sample_pixels)


def test_a_whole_photograph_comes_back_the_same(tmp_path: Path) -> None:
    pixels = read(SAMPLES / "objects" / "umang.jpg")
    content = png.write(tmp_path / "a folder" / "ü.png", pixels)
    assert (tmp_path / "a folder" / "ü.png").read_bytes() == content
    assert np.array_equal(read(tmp_path / "a folder" / "ü.png"), pixels)


def test_the_size_of_a_photographs_tile_is_known_about_without_writing_it() -> None:
    """The sample photographs' tiles of 512 px, each within a fifth, all within 3%."""
    about, exact = [], []
    for path in sorted(SAMPLES.glob("[lo]*/*.jpg")):
        pixels = read(path)
        height, width, _ = pixels.shape
        for top in range(0, height - SIDE + 1, SIDE):
            for left in range(0, width - SIDE + 1, SIDE):
                square = pixels[top : top + SIDE, left : left + SIDE]
                about.append(png.about_size(square))
                exact.append(len(png.encode(square)))
    assert len(exact) >= 60
    assert [
        i for i, (a, e) in enumerate(zip(about, exact, strict=True)) if abs(a - e) > e / 5
    ] == []
    assert abs(sum(about) - sum(exact)) <= 0.03 * sum(exact)


@given(any_pixels)
def test_the_size_of_a_small_picture_is_known_exactly(pixels: Pixels) -> None:
    assert png.about_size(pixels) == len(png.encode(pixels))


def test_a_full_disk_leaves_no_part_of_a_file(tiny_disk: Callable[[str], Path]) -> None:
    path = tiny_disk("size=64k") / "a" / "b.png"
    png.write(path, flat := np.zeros((300, 300, 3), np.uint8))
    with pytest.raises(OSError, match="No space left") as raised:
        png.write(path, noise(300, 300))
    assert raised.value.filename == str(path)
    assert [(file, file.read_bytes()) for file in path.parent.iterdir()] == [
        (path, png.encode(flat))
    ]
