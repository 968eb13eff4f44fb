"""Videos are read in order and whole, or refused with a reason."""

from pathlib import Path

import numpy as np
import pytest

from stages.common.video import colour, combing, reading
from stages.common.video.reading import VideoError
from tests import clips

pytest.importorskip("av", reason="needs PyAV: `make video` installs it")


def fault_of(path: Path) -> str:
    with pytest.raises(VideoError) as raised:
        list(reading.frames(path))
    return str(raised.value)


@pytest.mark.parametrize(
    ("ending", "codec"),
    [
        *(("mp4", "libx264"), ("mkv", "libx264"), ("webm", "libvpx-vp9"), ("mov", "mpeg4")),
        *(("avi", "mpeg4"), ("ts", "libx264"), ("mpg", "mpeg2video")),
    ],
)
def test_all_frames_come_in_order(ending: str, codec: str, tmp_path: Path) -> None:
    frames = list(clips.moving(0, 30, (320, 180), (4, 0)))
    path = tmp_path / f"film.{ending}"
    clips.write(path, frames, codec=codec, options={"b": "4000000"})
    seen = list(reading.frames(path))
    assert [number for number, _ in seen] == list(range(30))
    for (_, frame), wanted in zip(seen, frames, strict=True):
        assert np.abs(colour.to_rgb(frame).astype(int) - wanted).mean() < 8


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41")
    assert fault_of(tmp_path / "a.mp4").startswith("damaged or of an unknown kind: ")
    (tmp_path / "b.mkv").write_bytes(b"")
    assert fault_of(tmp_path / "b.mkv").startswith("damaged or of an unknown kind: ")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_video_is_refused(share: float, tmp_path: Path) -> None:
    """Of an mp4 whose list of frames comes first, so that it opens."""
    path = tmp_path / "film.mp4"
    clips.write(path, clips.moving(3, 40), container={"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert fault_of(path).startswith(("truncated: ", "damaged "))


def test_a_file_with_sound_alone_is_refused(tmp_path: Path) -> None:
    av = clips.needed()
    with av.open(str(tmp_path / "sound.mov"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), "s16", "mono")
        sound.sample_rate = 48000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    assert fault_of(tmp_path / "sound.mov") == "there is no video in it"


def test_deinterlacing_gives_as_many_frames_and_takes_the_combs_away(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    clips.write(path, clips.interlaced(list(clips.moving(2, 40, (320, 180), (4, 1)))))
    luma = {
        wish: [colour.planes(f)[0] for _, f in reading.frames(path, deinterlace=wish)]
        for wish in (False, True)
    }
    assert len(luma[False]) == len(luma[True]) == 20
    found = {
        wish: combing.is_interlaced(
            [combing.combing(f, b) for f, b in zip(some, [None, *some], strict=False)]
        )
        for wish, some in luma.items()
    }
    assert found == {False: True, True: False}
