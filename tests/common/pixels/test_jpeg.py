"""JPEG's header: the quality that a file was written with."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.pixels.jpeg import STANDARD, header_quality
from tests.conftest import REPOSITORY, blobs, encoded, noise

TABLE = STANDARD.tolist()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_every_quality_of_libjpeg_is_read_back(options: dict[str, object]) -> None:
    pixels = noise(16, 16)
    found = {
        q: header_quality(encoded(pixels, "JPEG", quality=q, **options)) for q in range(1, 101)
    }
    assert found == {q: q for q in range(1, 101)}


def test_grey_and_cmyk_have_one_too() -> None:
    from PIL import Image

    image = Image.fromarray(noise(16, 16))
    for mode in ("L", "CMYK"):
        assert header_quality(encoded(image.convert(mode), "JPEG", quality=83)) == 83


def test_a_file_that_is_saved_again_tells_the_last_one() -> None:
    from stages.common.pixels.images import decode

    worse = encoded(blobs(64, 64), "JPEG", quality=30)
    assert header_quality(encoded(decode(worse), "JPEG", quality=95)) == 95


def test_a_table_that_is_nearly_standard_counts_as_the_nearest() -> None:
    near, far = TABLE.copy(), [40] * 64
    near[5] += 3
    for table, quality in ((TABLE, 50), (near, 50), (far, 0)):
        content = encoded(noise(16, 16), "JPEG", qtables=[table, table])
        assert header_quality(content) == quality


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_other_files_have_none(kind: str) -> None:
    assert header_quality(encoded(noise(16, 16), kind)) == 0


@given(st.binary(max_size=40), st.integers(0, 700))
def test_no_content_ends_the_stage(tail: bytes, size: int) -> None:
    content = encoded(noise(8, 8), "JPEG", quality=75)
    assert header_quality(tail) == 0
    assert header_quality(content[:size] + tail) in range(101)


def test_the_samples_are_of_quality_95() -> None:
    paths = sorted(Path(REPOSITORY, "data/samples").glob("[lo]*/*.jpg"))
    assert {header_quality(path.read_bytes()) for path in paths} == {95}
    crushed = REPOSITORY / "data/samples/troubles/over-compressed.jpg"
    assert header_quality(crushed.read_bytes()) == 6
