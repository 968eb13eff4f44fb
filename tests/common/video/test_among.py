"""Stills in place of their videos, and never without them."""

from pathlib import Path

import pytest

from stages.common import listing, tables
from stages.common.errors import UserError
from stages.common.rows import Photograph, Still, Unreadable, Video
from stages.common.video import among
from tests.conftest import encoded, noise

MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
STILL = Still("films/day.mp4/000007.png", "a" * 64, "films/day.mp4", "b" * 64, 7, 0.28, 0)
VIDEO = Video("films/day.mp4", len(MP4), "b" * 64, 1, "1 stills of 9 frames, 1 scenes")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a video, a photograph, and one that is called like a video."""
    folder = tmp_path / "source"
    (folder / "films").mkdir(parents=True)
    (folder / "films" / "day.mp4").write_bytes(MP4)
    (folder / "films" / "not.mp4").write_bytes(encoded(noise(8, 8), "PNG"))
    (folder / "films" / "a.png").write_bytes(encoded(noise(8, 8), "PNG"))
    (folder / "films" / "NIGHT.MKV").write_bytes(b"no video, but called like one")
    (folder / "films" / "nowhere.mov").symlink_to("not there")
    return folder


def test_videos_are_what_is_called_so_and_is_no_image(source: Path) -> None:
    found = among.videos_in(source, listing.listing(source))
    assert found == ["films/NIGHT.MKV", "films/day.mp4"]


def test_stills_stand_in_place_of_their_videos() -> None:
    paths = ["films/a.png", "films/day.mp4", "films/e.png"]
    assert among.with_stills(paths, [STILL], [VIDEO]) == [
        "films/a.png",
        STILL.path,
        "films/e.png",
    ]
    assert among.with_stills(paths, [], []) == paths


def test_videos_that_came_or_changed_since_are_told(source: Path, tmp_path: Path) -> None:
    (source / "films" / "NIGHT.MKV").unlink()
    tables.write(tmp_path / "frames.csv", Still, [STILL])
    tables.write(tmp_path / "videos.csv", Video, [VIDEO])

    def read() -> object:
        paths = (tmp_path / "frames.csv", tmp_path / "videos.csv")
        return among.read(*paths, source, listing.listing(source))

    assert read() == ([STILL], [VIDEO])
    (source / "films" / "day.mp4").write_bytes(MP4 + b"more")
    (source / "films" / "new.avi").write_bytes(b"RIFF\x24\0\0\0AVI LIST\0\0\0\0")
    with pytest.raises(UserError) as raised:
        read()
    assert str(raised.value) == (
        f"{source}: videos have changed since stills were taken of them: films/day.mp4, "
        "films/new.avi: run `dvc repro --force --single-item frames`, then `dvc repro`"
    )


def test_stills_that_are_not_as_they_were_written_are_told() -> None:
    row = Photograph(STILL.path, "films", STILL.sha256, 8, 8, 99, "PNG RGB", "c" * 64, "d" * 64)
    among.check_read([row], [STILL])
    wrong = [row._replace(sha256="e" * 64)], [Unreadable(STILL.path, "unreadable", "gone", 0, "")]
    for rows in (*wrong, []):
        with pytest.raises(UserError, match=r"data/frames/films/day\.mp4/000007\.png has changed"):
            among.check_read(rows, [STILL])


def test_a_video_is_no_photograph_and_has_a_reason() -> None:
    (row,) = among.as_unreadable([VIDEO])
    assert row == Unreadable(VIDEO.path, "a video", VIDEO.detail, VIDEO.bytes, VIDEO.sha256)
