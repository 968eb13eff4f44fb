"""Colours of frames: what a file says is obeyed, and what it does not say is guessed by a rule."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.common.pixels.images import Pixels
from stages.common.video import colour, reading
from tests import clips

pytest.importorskip("av", reason="needs PyAV: `make video` installs it")

BT709, BT601 = 1, 5
CLIPS = {  # height; matrix, range, what the file says; pixel format; codec
    "HD, untagged": (720, BT709, False, {}, "yuv420p", "libx264"),
    "SD, untagged": (360, BT601, False, {}, "yuv420p", "libx264"),
    "HD, tagged": (720, BT709, False, {"colorspace": 1, "color_range": 1}, "yuv420p", "libx264"),
    "HD, tagged as BT.601": (720, BT601, False, {"colorspace": 6}, "yuv420p", "libx264"),
    "SD, tagged as BT.709": (360, BT709, False, {"colorspace": 1}, "yuv420p", "libx264"),
    "full range": (360, BT601, True, {"color_range": 2}, "yuv420p", "libx264"),
    "10 bits, 4:2:2": (360, BT601, False, {}, "yuv422p10le", "libx264"),
    "4:4:4": (360, BT601, False, {}, "yuv444p", "libx264"),
    "VP9": (360, BT601, False, {}, "yuv420p", "libvpx-vp9"),
    "Motion JPEG": (360, BT601, True, {"color_range": 2}, "yuvj420p", "mjpeg"),
    "RGB": (360, BT601, False, {}, "rgb24", "libx264rgb"),
}
BEST = {"libx264": {"crf": "1"}, "libvpx-vp9": {"crf": "2", "b": "0"}, "mjpeg": {"qscale": "1"}}


def first(path: Path) -> Pixels:
    """The first frame of a video."""
    codec = reading.codec_of(path)
    frames = reading.frames(path)
    return colour.to_rgb(next(frames)[1], codec)


@pytest.mark.parametrize("kind", CLIPS)
def test_colours_are_those_that_were_encoded(kind: str, tmp_path: Path) -> None:
    height, matrix, full, tags, pixel_format, codec = CLIPS[kind]
    wanted = clips.patches(height * 16 // 9, height)
    path = tmp_path / "clip.mkv"
    clips.write(
        path,
        [wanted] * 3,
        matrix=matrix,
        full=full,
        tags=tags,
        pixel_format=pixel_format,
        codec=codec,
        options={"qmin": "1", "qmax": "1"} if codec == "mjpeg" else BEST.get(codec, {}),
    )
    seen = first(path)
    assert seen.shape == wanted.shape
    assert np.abs(clips.middles(seen) - clips.middles(wanted)).max() <= 2


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_gives_upright_frames(degrees: int, tmp_path: Path) -> None:
    wanted = clips.patches(320, 180)
    clips.write(tmp_path / "clip.mp4", [wanted] * 3, options={"crf": "1"})
    clips.turn(tmp_path / "clip.mp4", degrees)
    seen = first(tmp_path / "clip.mp4").astype(int)
    turned = np.rot90(wanted, -degrees // 90)
    assert seen.shape == turned.shape
    assert np.abs(seen - turned).mean() < 3


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 1), (4, 4)])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("size", [(32, 24), (33, 25)])
def test_coarse_chroma_comes_from_where_it_lies(
    size: tuple[int, int], centred: bool, across: int, down: int
) -> None:
    """Chroma that rises evenly is found again at each pixel, but at the edges."""
    width, height = size
    rows, columns = -(-height // down), -(-width // across)
    shift = (across - 1) / 2 if centred else 0.0
    x = np.arange(columns) * across + shift
    y = np.arange(rows) * down + (down - 1) / 2
    chroma = (2 * x + 3 * y[:, None] + 60).astype(np.uint8)
    seen = colour._resized(chroma, width, height, centred)
    wanted = 2 * np.arange(width) + 3 * np.arange(height)[:, None] + 60
    inner = np.s_[2 * down : -2 * down - 2, 2 * across : -2 * across - 2]
    assert np.abs(seen - wanted)[inner].max() <= 1


def test_a_grey_video_is_grey(tmp_path: Path) -> None:
    grey = np.asarray(Image.fromarray(clips.patches(320, 180)).convert("L").convert("RGB"))
    clips.write(tmp_path / "clip.mkv", [grey] * 2, pixel_format="gray", codec="ffv1")
    seen = first(tmp_path / "clip.mkv").astype(int)
    assert np.abs(seen - grey).max() <= 1


@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ({"color_trc": 16, "colorspace": 9, "color_primaries": 9}, "HDR (PQ): bring it to SDR"),
        ({"color_trc": 18, "colorspace": 9, "color_primaries": 9}, "HDR (HLG): bring it to SDR"),
        ({"color_primaries": 12}, "colours of Display P3: convert it to BT.709 first"),
        ({"colorspace": 8}, "a colour matrix of number 8: convert it to BT.709 first"),
    ],
)
def test_what_is_no_srgb_by_a_stated_rule_is_refused(
    tags: dict[str, int], fault: str, tmp_path: Path
) -> None:
    clips.write(tmp_path / "clip.mp4", [clips.patches(320, 180)] * 2, tags=tags)
    with pytest.raises(reading.VideoError) as raised:
        list(reading.frames(tmp_path / "clip.mp4"))
    assert str(raised.value).startswith(fault)
