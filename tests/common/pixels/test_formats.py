"""What files are by their first bytes: camera raw, HEIC and videos among them."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.common.pixels import formats
from stages.common.pixels.canonical import canonical
from stages.common.pixels.formats import DEVELOP, ImageError
from stages.common.pixels.images import Pixels, check_known, decode, decode_with_mode, size_of
from tests.common.pixels.test_images import UPRIGHT, orientation, swapped_primaries
from tests.conftest import encoded, environment, noise

DNG, MAKE, PARTS, SUBFILE, PHOTOMETRIC = 50706, 271, 330, 254, 262


def tiff(tags: dict[int, tuple[int, int]], order: str = "<") -> bytes:
    """A TIFF with tags alone: kind and value of each."""
    rows = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1)
        + struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", value)
        for tag, (kind, value) in sorted(tags.items())
    )
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return start + struct.pack(f"{order}H", len(tags)) + rows + bytes(4)


def small_tiff(tags: dict[int, object]) -> bytes:
    """A TIFF that Pillow opens, as the small picture in a camera's file."""
    return encoded(noise(8, 12), "TIFF", tiffinfo=tags)


RAW = {
    "DNG": ("DNG", small_tiff({DNG: b"\1\4\0\0"})),
    "DNG of another byte order": ("DNG", tiff({DNG: (1, 0x01040000)}, ">")),
    "NEF": ("of a camera, a kind of TIFF", small_tiff({MAKE: "NIKON CORPORATION", PARTS: 8})),
    "ARW": ("of a camera, a kind of TIFF", tiff({SUBFILE: (4, 1), MAKE: (2, 9), PARTS: (4, 8)})),
    "PEF": ("of a camera, a kind of TIFF", tiff({MAKE: (2, 9), PHOTOMETRIC: (3, 32803)}, ">")),
    "CR2": ("CR2", b"II*\0\x10\0\0\0CR\2\0" + bytes(40)),
    "CR3": ("CR3", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(40)),
    "RAF": ("RAF", b"FUJIFILMCCD-RAW 0201FF389501" + bytes(40)),
    "ORF": ("ORF", b"IIRO\x08\0\0\0" + bytes(40)),
    "ORF of another byte order": ("ORF", b"MMOR\0\0\0\x08" + bytes(40)),
    "RW2": ("RW2", b"IIU\0\x18\0\0\0" + bytes(40)),
}


@pytest.mark.parametrize("kind", RAW)
def test_camera_raw_is_refused_whatever_its_ending(kind: str, tmp_path: Path) -> None:
    name, content = RAW[kind]
    (tmp_path / "photograph.tif").write_bytes(content)
    for look in (lambda: decode(content), lambda: check_known(tmp_path / "photograph.tif")):
        with pytest.raises(ImageError) as raised:
            look()
        assert str(raised.value) == f"camera raw: {name}: {DEVELOP}"
    assert size_of(tmp_path / "photograph.tif") is None


def test_camera_raw_whose_tags_lie_at_the_end_is_refused_when_it_is_read(tmp_path: Path) -> None:
    tags = tiff({DNG: (1, 1)})
    content = tags[:4] + struct.pack("<I", 10_000) + bytes(9_992) + tags[8:]
    (tmp_path / "a.dng").write_bytes(content)
    check_known(tmp_path / "a.dng")
    with pytest.raises(ImageError, match="camera raw: DNG"):
        decode(content)


@pytest.mark.parametrize(
    "tags",
    [{}, {MAKE: "NIKON CORPORATION"}, {MAKE: "NIKON", PARTS: 8, SUBFILE: 0}, {SUBFILE: 1}],
)
def test_a_developed_tiff_is_none(tags: dict[int, object]) -> None:
    assert decode(small_tiff(tags)).tolist() == noise(8, 12).tolist()


def test_a_tiff_cut_within_its_tags_is_not_called_raw() -> None:
    content = small_tiff({MAKE: "NIKON CORPORATION", PARTS: 8})
    for left in range(8, 40):
        assert formats.raw_format(content[:left]) == ""


VIDEOS = {
    "mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "mov": b"\0\0\0\x14ftypqt  \0\0\2\0qt  ",
    "old mov": b"\0\0\0\x08wide\0\0\0\0mdat",
    "matroska": b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\1\x42\xf7\x81\1\x42\xf2\x81",
    "avi": b"RIFF\x24\0\0\0AVI LIST\0\0\0\0",
    "mpeg": b"\0\0\1\xba\x44\0\4\0\4\1\0\0",
    "transport stream": (b"G" + bytes(187)) * 4,
    "blu-ray": (bytes(4) + b"G" + bytes(187)) * 4,
    "flv": b"FLV\1\5\0\0\0\x09",
    "wmv": b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel",
}


@pytest.mark.parametrize("kind", VIDEOS)
def test_a_video_is_called_so(kind: str) -> None:
    assert formats.is_video(VIDEOS[kind])
    with pytest.raises(ImageError, match="a video: "):
        formats.check_head(VIDEOS[kind])


def test_no_picture_is_taken_for_a_video() -> None:
    for kind in formats.FORMATS:
        assert not formats.is_video(encoded(noise(8, 8), kind))
    for _, content in RAW.values():
        assert not formats.is_video(content)
    assert not formats.is_video(b"")


HEIC_HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_heic_names_the_extra_where_it_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(HEIC_HEAD + bytes(100))
    code = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from pathlib import Path\n"
        "from stages.common.pixels import images\n"
        "for look in (images.check_known, images.read):\n"
        "    try: look(Path('a.heic'))\n"
        "    except images.ImageError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "HEIC: `make heic` installs what reads it\n" * 2


@pytest.fixture
def heic() -> None:
    """A test that needs pillow-heif is skipped without it."""
    pytest.importorskip("pillow_heif", reason="needs pillow-heif: `make heic` installs it")
    formats.known()


def as_heic(image: Image.Image | Pixels, **options: object) -> bytes:
    return encoded(image, formats.HEIF, **{"quality": 95} | options)


@pytest.mark.usefixtures("heic")
def test_heic_looks_like_the_picture(sample_pixels: list[Pixels]) -> None:
    seen, mode = decode_with_mode(as_heic(sample_pixels[0]))
    assert mode == "HEIF RGB"
    assert np.abs(seen.astype(int) - sample_pixels[0]).mean() < 3


@pytest.mark.usefixtures("heic")
@pytest.mark.parametrize("kind", [formats.HEIF, "AVIF"])
@pytest.mark.parametrize("turn", UPRIGHT)
def test_orientation_is_applied_once(turn: int, kind: str, sample_pixels: list[Pixels]) -> None:
    pixels = sample_pixels[0][:64, :96]
    seen = decode(encoded(pixels, kind, quality=95, exif=orientation(turn))).astype(int)
    assert np.abs(seen - UPRIGHT[turn](pixels)).mean() < 5


@pytest.mark.usefixtures("heic")
@pytest.mark.parametrize("kind", [formats.HEIF, "AVIF"])
def test_a_profile_is_converted_to_srgb(kind: str) -> None:
    red = np.full((32, 32, 3), (200, 30, 30), np.uint8)
    seen = decode(encoded(red, kind, quality=95, icc_profile=swapped_primaries())).astype(int)
    wanted = decode(encoded(red, "PNG", icc_profile=swapped_primaries())).astype(int)
    assert np.abs(seen - wanted).max() <= 12
    assert np.abs(seen - red).max() > 60


@pytest.mark.usefixtures("heic")
@pytest.mark.parametrize("kind", [formats.HEIF, "AVIF"])
def test_alpha_lies_over_white(kind: str) -> None:
    pixels = np.full((32, 32, 4), (10, 20, 30, 0), np.uint8)
    pixels[:16, :, 3] = 255
    seen = decode(encoded(Image.fromarray(pixels), kind, quality=95)).astype(int)
    assert np.abs(seen[:14] - (10, 20, 30)).max() <= 4
    assert np.abs(seen[18:] - 255).max() <= 2


@pytest.mark.usefixtures("heic")
def test_grey_of_8_and_of_more_bits_becomes_rgb() -> None:
    import pillow_heif

    grey = np.linspace(0, 255, 64).astype(np.uint8)[None].repeat(48, 0)
    for content in (as_heic(Image.fromarray(grey)), deep(pillow_heif, "I;16", grey)):
        assert np.abs(decode(content).astype(int) - grey[..., None]).max() <= 6


@pytest.mark.usefixtures("heic")
def test_more_than_8_bits_give_the_high_ones(sample_pixels: list[Pixels]) -> None:
    import pillow_heif

    pixels = sample_pixels[0][:64, :96]
    seen = decode(deep(pillow_heif, "RGB;16", pixels)).astype(int)
    assert np.abs(seen - pixels).mean() < 3


def deep(pillow_heif: object, mode: str, pixels: np.ndarray) -> bytes:
    """A HEIC of 10 bits."""
    height, width = pixels.shape[:2]
    values = pixels.astype(np.uint16) * 257
    file = pillow_heif.from_bytes(mode, (width, height), values.tobytes())  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    file.save(buffer, quality=95)
    return buffer.getvalue()


@pytest.mark.usefixtures("heic")
@pytest.mark.parametrize("left", [24, 200, 2000, -1])
def test_a_cut_heic_is_truncated(left: int, sample_pixels: list[Pixels]) -> None:
    with pytest.raises(ImageError, match="truncated"):
        decode(as_heic(sample_pixels[0])[:left])


@pytest.mark.usefixtures("heic")
def test_the_size_of_heic_is_checked_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = as_heic(noise(90, 120))
    (tmp_path / "a.heic").write_bytes(content)
    assert size_of(tmp_path / "a.heic") == (120, 90)
    monkeypatch.setattr(Image.Image, "load", None)  # to call it would be an error
    with pytest.raises(ImageError, match="too large: 120x90 px"):
        decode(content, max_megapixels=0.001)


def test_hdr_is_refused_where_a_file_says_so() -> None:
    image = Image.new("RGB", (8, 8))
    assert formats.hdr(image) == ""
    image.info["nclx_profile"] = {"transfer_characteristics": 16}
    assert formats.hdr(image).startswith("HDR (PQ): ")


def test_a_canonical_picture_is_upright_rgb() -> None:
    assert canonical(Image.new("CMYK", (8, 4))).mode == "RGB"
