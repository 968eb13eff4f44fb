"""Held photographs: what counts of them, and that filters of faulty tiles enlarge them worse."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from stages.common.measures.luma import luma
from stages.common.pixels import images
from stages.common.pixels.images import Pixels
from stages.common.probing import equations, filters, held, verdict
from tests.conftest import SAMPLES, blobs


def blurred(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(1.2)))


def compressed(pixels: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=20)
    return images.decode(file.getvalue())


def test_faulty_tiles_are_below_their_originals() -> None:
    every = []
    for path in sorted(SAMPLES.glob("[lo]*/*.jpg")):  # at half their size they are sharp
        image = Image.open(path)
        every.append(np.asarray(image.resize((image.width // 2, image.height // 2))))
    tiles = [pixels[100:400, left : left + 300] for pixels in every[::2] for left in (0, 250)]
    hrs = [
        luma(pixels[top : top + 250, 100:450]) for pixels in every[1::2] for top in (0, 120, 240)
    ]
    solved = []
    for fault in (lambda pixels: pixels, compressed, blurred):
        sums = equations.empty()
        for pixels in tiles:
            sums += equations.of_tile(luma(fault(pixels)))
        solved.append(filters.solved(sums, 12))
    seen = np.array([held.look(hr, {12: np.array(solved)}).psnr[12] for hr in hrs]).T
    for which, most in ((1, -0.02), (2, -0.1)):
        found = verdict.difference(seen[which], seen[0])
        assert found.mean < most
        assert found.high < 0


@pytest.mark.parametrize(
    ("size", "expected"),
    [((64, 65), (64, 64)), ((1024, 900), (1024, 900)), ((1300, 1025), (1024, 1024))],
)
def test_of_a_large_photograph_the_middle_counts(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    grey = luma(blobs(*size))
    found = held.middle(grey)
    assert found.shape == expected
    top, left = ((own - part) // 2 for own, part in zip(size, expected, strict=True))
    np.testing.assert_array_equal(found, grey[top : top + expected[0], left : left + expected[1]])
