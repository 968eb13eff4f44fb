"""Videos are known among other files, and their stills where they lie."""

from pathlib import Path

import pytest

from stages.common.video import among
from tests.conftest import encoded, noise

MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("day.mp4", MP4, True),
        ("NIGHT.MKV", b"no video, but called like one", True),
        ("not.mp4", encoded(noise(8, 8), "PNG"), False),
        ("a.png", encoded(noise(8, 8), "PNG"), False),
        ("day.bin", MP4, False),
    ],
)
def test_videos_are_what_is_called_so_and_is_no_image(
    tmp_path: Path, name: str, content: bytes, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert among.is_video(tmp_path / name) is expected


def test_what_can_not_be_read_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "nowhere.mov").symlink_to("not there")
    (tmp_path / "folder.avi").mkdir()
    assert not among.is_video(tmp_path / "nowhere.mov")
    assert not among.is_video(tmp_path / "folder.avi")


def test_stills_of_a_video_lie_below_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "films" / "day.mp4"
    folder.mkdir(parents=True)
    (folder / "000012.png").write_bytes(b"a still")
    (folder / "000007.png").write_bytes(b"one")
    assert among.stills_of("films/day.mp4", tmp_path) == {"000007.png": 3, "000012.png": 7}
    assert among.stills_of("films/night.mkv", tmp_path) == {}
