"""Stills beside photographs: found where they lie, and never without their videos."""

from pathlib import Path

import pytest

from stages.common import listing, stills, tables
from stages.common.errors import UserError
from stages.common.rows import Photograph, Still, Unreadable, Video
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


def test_a_still_lies_elsewhere_and_all_others_where_they_are(source: Path) -> None:
    def where(path: str) -> Path:
        return stills.path_of(source, path)

    assert where("films/day.mp4/000007.png") == Path("data/frames/films/day.mp4/000007.png")
    for path in ("films/a.png", "films/day.mp4", "films/gone.png", "gone/a.png", "b.png"):
        assert where(path) == source / path


def test_a_folder_that_is_called_like_a_video_is_a_folder(source: Path) -> None:
    (source / "clips.mp4").mkdir()
    (source / "clips.mp4" / "a.png").write_bytes(encoded(noise(8, 8), "PNG"))
    assert stills.path_of(source, "clips.mp4/a.png") == source / "clips.mp4/a.png"


def test_what_leads_into_a_file_is_a_still() -> None:
    listed = {"films/day.mp4", "films/a.png"}
    assert stills.is_still("films/day.mp4/000007.png", listed)
    assert not any(stills.is_still(path, listed) for path in (*listed, "films/b.png", "x/y/z.png"))


def test_videos_are_what_is_called_so_and_is_no_image(source: Path) -> None:
    found = stills.videos_in(source, listing.listing(source))
    assert found == ["films/NIGHT.MKV", "films/day.mp4"]


def test_stills_stand_in_place_of_their_videos() -> None:
    listed = ["films/a.png", "films/day.mp4", "films/e.png"]
    assert stills.with_stills(listed, [STILL], [VIDEO]) == [
        "films/a.png",
        STILL.path,
        "films/e.png",
    ]
    assert stills.with_stills(listed, [], []) == listed


def test_videos_that_came_or_changed_since_are_told(source: Path, tmp_path: Path) -> None:
    (source / "films" / "NIGHT.MKV").unlink()
    tables.write(tmp_path / "frames.csv", Still, [STILL])
    tables.write(tmp_path / "videos.csv", Video, [VIDEO])

    def read() -> object:
        paths = (tmp_path / "frames.csv", tmp_path / "videos.csv")
        return stills.read(*paths, source, listing.listing(source))

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
    stills.check_read([row], [STILL])
    wrong = [row._replace(sha256="e" * 64)], [Unreadable(STILL.path, "unreadable", "gone", 0, "")]
    for rows in (*wrong, []):
        with pytest.raises(UserError, match=r"data/frames/films/day\.mp4/000007\.png has changed"):
            stills.check_read(rows, [STILL])


def test_a_video_is_no_photograph_and_has_a_reason() -> None:
    (row,) = stills.as_unreadable([VIDEO])
    assert row == Unreadable(VIDEO.path, "a video", VIDEO.detail, VIDEO.bytes, VIDEO.sha256)
