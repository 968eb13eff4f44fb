"""Sizes at which pictures are looked at: one short edge, whatever they had, and never more."""

from pathlib import Path

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.common.hyperiqa.sizes import Size, fitted, key, looked_at, short_edge
from stages.common.params import Params, faults
from stages.common.pixels import pictures, png
from stages.common.pixels.images import Pixels, resize
from tests.conftest import item

SIDES = st.integers(1, 10_000)
EDGES = st.integers(1, 3000)


class Sized(Params):
    size: Size


@given(SIDES, SIDES, EDGES)
def test_the_short_edge_is_met_and_nothing_is_enlarged(width: int, height: int, edge: int) -> None:
    w, h = fitted(width, height, edge)
    assert min(w, h) == min(width, height, edge)
    assert w <= width
    assert h <= height
    assert fitted(height, width, edge) == (h, w)
    assert fitted(width, height, None) == (width, height)
    if (w, h) != (width, height):  # the shape is kept to half a pixel
        assert abs(max(w, h) - max(width, height) * edge / min(width, height)) <= 0.5


@pytest.mark.parametrize(
    ("size", "at", "left"),
    [
        ((2048, 1152), 1024, (1820, 1024)),
        ((1152, 1727), 1024, (1024, 1535)),
        ((1024, 1500), 1024, (1024, 1500)),
        ((800, 600), 1024, (800, 600)),
    ],
)
def test_sizes_that_people_meet(size: tuple[int, int], at: int, left: tuple[int, int]) -> None:
    assert fitted(*size, at) == left


def reduced(folder: Path, pixels: Pixels, edge: int | None) -> Pixels:
    """The pixels of a photograph as it is looked at."""
    png.write(folder / "a.png", pixels)
    picture = looked_at(pictures.whole(item(folder, "a.png")), edge)
    found = pictures.pixels(folder, picture)
    assert found.shape == (picture.height, picture.width, 3)
    return found


def test_a_smaller_copy_gives_nearly_the_same_picture(
    sample_pixels: list[Pixels], tmp_path: Path
) -> None:
    """In one step or by way of the copy: why the filter is no box, which needs whole factors."""
    for pixels in sample_pixels:
        height, width = pixels.shape[:2]
        copy = resize(pixels, width * 3 // 4, height * 3 // 4, Image.Resampling.LANCZOS)
        size = fitted(width, height, 224)
        boxes = (resize(each, *size, Image.Resampling.BOX) for each in (pixels, copy))
        ours = difference(reduced(tmp_path, pixels, 224), reduced(tmp_path, copy, 224))
        assert ours < 1
        assert ours < 0.7 * difference(*boxes)


def difference(a: Pixels, b: Pixels) -> float:
    """The mean over all values, of 255."""
    return float(np.abs(a.astype(float) - b).mean())


def test_a_picture_that_is_small_enough_is_left_as_it_is(
    sample_pixels: list[Pixels], tmp_path: Path
) -> None:
    pixels = sample_pixels[0]
    png.write(tmp_path / "a.png", pixels)
    picture = pictures.whole(item(tmp_path, "a.png"))
    assert looked_at(picture, None) is picture
    assert looked_at(picture, min(pixels.shape[:2])) is picture
    smaller = reduced(tmp_path, pixels, 224)
    height, width = pixels.shape[:2]
    assert smaller.shape == (*fitted(width, height, 224)[::-1], 3)
    assert abs(float(smaller.mean()) - float(pixels.mean())) < 0.5


def test_every_size_has_a_key_of_its_own() -> None:
    assert [key(None), key(1024), key(512)] == [
        "",
        f" short edge 1024 1 pillow {PIL.__version__}",
        f" short edge 512 1 pillow {PIL.__version__}",
    ]


@pytest.mark.parametrize("value", [223, 0, -1, 1024.0, True, None, "1024", "whole", [1024]])
def test_a_size_that_is_none_has_one_message(value: object) -> None:
    assert faults(Sized, "score", {"size": value}) == [
        f"score.size must be native or a whole number of px, at least 224, got {value!r}"
    ]


def test_a_size_is_native_or_a_number() -> None:
    assert short_edge(Sized.model_validate({"size": "native"}).size) is None
    assert short_edge(Sized.model_validate({"size": 224}).size) == 224
