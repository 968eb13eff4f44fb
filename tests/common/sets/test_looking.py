"""One image: whatever is flipped or cut in it is seen, where its format can tell."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.common.pixels import png
from stages.common.pixels.images import decode, pixels_sha256
from stages.common.pixels.likeness import dhash
from stages.common.sets.looking import Wrong, look, png_fault
from tests.conftest import blobs, encoded, noise

PNG = png.encode(noise(20, 40))


@given(position=st.integers(0, len(PNG) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_of_a_png_is_found(
    position: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(PNG)
    content[position] ^= 1 << bit
    folder = tmp_path_factory.mktemp("flipped")
    (folder / "a.png").write_bytes(content)
    wrong = look("a.png", folder=folder).wrong
    assert wrong is not None
    assert wrong.what == "corrupt"


@given(size=st.integers(0, len(PNG) - 1))
def test_a_cut_png_is_told(size: int) -> None:
    assert png_fault(PNG[:size]) is not None
    assert png_fault(PNG) is None


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("end", [b"", b"more"])
def test_a_cut_or_longer_photograph_is_told(tmp_path: Path, kind: str, end: bytes) -> None:
    content = encoded(blobs(90, 120), kind, quality=90)
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(content)
    assert look(path.name, folder=tmp_path).wrong is None
    path.write_bytes(content + end if end else content[:-40])
    wrong = look(path.name, folder=tmp_path).wrong
    assert wrong is not None
    assert wrong.what == "corrupt"


@pytest.mark.parametrize(
    ("mode", "wrong"),
    [
        ("RGB", None),
        ("L", None),
        ("CMYK", Wrong("mode", "CMYK", "RGB")),
        ("I;16", Wrong("bit depth", "16 or more bits", "8 bits")),
        ("RGBA", Wrong("alpha", "RGBA with transparency", "no alpha")),
    ],
)
def test_what_is_in_a_tiff_is_told(tmp_path: Path, mode: str, wrong: Wrong | None) -> None:
    image = Image.new("RGB" if mode == "I;16" else mode, (40, 30))
    if mode == "I;16":
        image = Image.new("I;16", (40, 30))
    (tmp_path / "a.TIF").write_bytes(encoded(image, "TIFF"))
    seen = look("a.TIF", folder=tmp_path)
    assert (seen.wrong, seen.width, seen.height) == (wrong, 40, 30)


def test_what_is_seen_is_what_the_other_modules_say(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    seen, pixels = look("a.png", folder=tmp_path), decode(PNG)
    assert seen.pixels.hex() == pixels_sha256(pixels)
    assert (seen.dhash, seen.colour) == (dhash(pixels), "RGB")


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "b.png").mkdir()
    (tmp_path / "c.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "d.png")
    expected = Wrong("corrupt", "no file, or a link that leads nowhere", "a file that can be read")
    for name in "abcd":
        assert look(f"{name}.png", folder=tmp_path).wrong == expected
