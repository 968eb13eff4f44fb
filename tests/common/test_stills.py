"""Stills are found where they lie, and all other files where they are."""

from pathlib import Path

import pytest

from stages.common import stills
from tests.conftest import encoded, noise


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a video and a photograph."""
    folder = tmp_path / "source"
    (folder / "films").mkdir(parents=True)
    (folder / "films" / "day.mp4").write_bytes(b"a video")
    (folder / "films" / "a.png").write_bytes(encoded(noise(8, 8), "PNG"))
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
