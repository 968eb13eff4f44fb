"""Videos for tests: moving crops of the sample photographs, encoded by PyAV."""

import functools
import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.common.pixels.images import Pixels
from tests.conftest import SAMPLES

NAMES = tuple(sorted(p.relative_to(SAMPLES).as_posix() for p in SAMPLES.glob("[lo]*/*.jpg")))


def needed() -> Any:
    """PyAV; without it the test that asks is skipped."""
    return pytest.importorskip("av", reason="needs PyAV: `make video` installs it")


@functools.cache
def photograph(number: int, width: int = 1200) -> Pixels:
    """A sample photograph, `width` px wide."""
    image = Image.open(SAMPLES / NAMES[number % len(NAMES)]).convert("RGB")
    height = round(image.height * width / image.width)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def moving(
    number: int, frames: int, size: tuple[int, int] = (320, 180), step: tuple[float, float] = (2, 1)
) -> Iterator[Pixels]:
    """A scene: a window of `size` (width, height) that moves over a photograph, px a frame, and
    turns back at the edges."""
    whole = photograph(number)
    room = (whole.shape[1] - size[0], whole.shape[0] - size[1])
    for index in range(frames):
        x = bounced(number * 37 % room[0] + index * step[0], room[0])
        y = bounced(number * 53 % room[1] + index * step[1], room[1])
        yield whole[y : y + size[1], x : x + size[0]]


def bounced(place: float, room: int) -> int:
    """A place that goes to and fro between 0 and `room`."""
    place = round(place) % (2 * room)
    return place if place <= room else 2 * room - place


def write(
    path: Path,
    frames: Iterable[Pixels],
    *,
    rate: Fraction | int = 24,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    matrix: int = 5,
    full: bool = False,
    tags: dict[str, int] | None = None,
    container: dict[str, str] | None = None,
) -> None:
    """Encode frames, all of one size. `matrix` is what YUV is made by (1 is BT.709, 5 is BT.601)
    and `full` its range; `tags` what the file says of it: colorspace, color_range, color_trc,
    color_primaries as FFmpeg numbers them."""
    av = needed()
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container or {}) as file:
        stream = None
        for frame in frames:
            height, width, _ = frame.shape
            if stream is None:
                wanted = {"crf": "12", "preset": "veryfast"} if codec.startswith("libx26") else {}
                stream = file.add_stream(codec, rate=rate, options=wanted | (options or {}))
                stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
                for name, value in (tags or {}).items():
                    setattr(stream.codec_context, name, value)
            made = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            flags = 4 | 8192 | 16384 | 262144  # bicubic, full chroma, accurate rounding
            made = made.reformat(
                format=pixel_format,
                src_colorspace=matrix,
                dst_colorspace=matrix,
                src_color_range=2,
                dst_color_range=2 if full else 1,
                interpolation=flags,
            )
            for name in ("colorspace", "color_range", "color_trc", "color_primaries"):
                setattr(made, name, (tags or {}).get(name, 2 if name != "color_range" else 0))
            file.mux(stream.encode(made))
        assert stream is not None
        file.mux(stream.encode())


def woven(frames: Sequence[Pixels]) -> Iterator[Pixels]:
    """Film of 4 frames as video of 5, by 3:2 pulldown: the third and fourth of them are woven of
    fields of two film frames."""
    for start in range(0, len(frames) - 3, 4):
        a, b, c, d = frames[start : start + 4]
        yield from (a, b, weave(b, c), weave(c, d), d)


def interlaced(frames: Sequence[Pixels]) -> Iterator[Pixels]:
    """Video whose two fields are of two times each: a frame of every two."""
    for one, other in zip(frames[::2], frames[1::2], strict=False):
        yield weave(one, other)


def weave(top: Pixels, bottom: Pixels) -> Pixels:
    """Even rows of one frame, odd rows of another."""
    both = top.copy()
    both[1::2] = bottom[1::2]
    return both


def story(
    scenes: int = 26, size: tuple[int, int] = (320, 180), seed: int = 0
) -> tuple[list[Pixels], list[int], list[int]]:
    """A film of hard cuts, with pans, shaking, flashes and zooms inside the scenes; its last two
    scenes are joined by a fade. Gives the frames, where it cuts, and where the fade is halfway."""
    random = np.random.default_rng(seed)
    frames: list[Pixels] = []
    starts = []
    for scene in range(scenes):
        starts.append(len(frames))
        kind, length = scene % 5, int(random.integers(16, 28))
        step = {0: (0.5, 0.2), 1: (9, 2), 2: (2, 3), 3: (0, 0), 4: (4, 0)}[kind]
        made = [np.array(frame) for frame in moving(scene, length, size, step)]
        if kind == 2:  # a hand that shakes
            made = [np.roll(f, random.integers(-5, 6, 2), (0, 1)) for f in made]
        if kind in (3, 4):  # a flash of one or two frames
            for i in range(8, 9 + kind % 2):
                made[i] = (made[i] // 5 + 204).astype(np.uint8)
        frames += made
    cuts = starts[1:]
    last, fading = frames[-1].astype(float), 14
    after = [np.array(f) for f in moving(scenes + 3, 24, size, (1, 1))]
    mixed = [
        ((1 - i / fading) * last + i / fading * after[0]).astype(np.uint8) for i in range(fading)
    ]
    halfway = len(frames) + fading // 2
    return frames + mixed + after, cuts, [halfway]


def patches(width: int, height: int, seed: int = 0) -> Pixels:
    """8 x 4 flat patches of any colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(colours).resize((width, height), Image.Resampling.NEAREST))


def middles(pixels: Pixels) -> np.ndarray:
    """The colours in the middle of each patch, (4, 8, 3) int."""
    height, width, _ = pixels.shape
    rows, columns = (np.arange(4) * 2 + 1) * height // 8, (np.arange(8) * 2 + 1) * width // 16
    return pixels[rows][:, columns].astype(int)


def turn(path: Path, degrees: int) -> None:
    """Note in an mp4 that it is to be shown turned clockwise by 90, 180 or 270 degrees."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40  # behind version, flags, times and the like
    one = 1 << 16
    a, b, c, d = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[degrees]
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
