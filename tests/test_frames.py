"""Frames: stills out of videos, the same each time, and nothing without videos."""

import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stages import frames, gather
from stages.common import tables
from stages.common.files import files_below, sha256_of
from stages.common.gather_params import GatherParams
from stages.common.pixels import images, png
from stages.common.rows import Folder, Photograph, Still, Unreadable, Video
from stages.common.video import reading
from stages.frames import FramesParams
from tests import clips
from tests.conftest import noise

SOURCE, FOLDER = Path("data/source"), Path("data/frames")
FOLDERS = Path("data/tables/folders.csv")
PARAMS = FramesParams(every=2, deinterlace=False)
NAMES = [Path(f"data/tables/{name}.csv") for name in ("frames", "videos")]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with a photograph."""
    monkeypatch.chdir(tmp_path)
    png.write(SOURCE / "films" / "a.png", noise(40, 60))
    tables.write(FOLDERS, Folder, [Folder("", str(SOURCE), str(FOLDER))])
    return tmp_path


def pictures() -> list[str]:
    """What lies in the folder of stills, but for what says so."""
    return [path for path in files_below(FOLDER) if path != "about.txt"]


def run(params: FramesParams = PARAMS) -> tuple[list[Still], list[Video]]:
    """Run the stage; both tables, after a check that they tell of all files there are."""
    frames.main(FOLDERS, FOLDER, *NAMES, Path("numbers.json"), params)
    stills, videos = tables.read(NAMES[0], Still), tables.read(NAMES[1], Video)
    assert pictures() == [still.path for still in stills] == sorted({s.path for s in stills})
    for still in stills:
        assert still.path == f"{still.video}/{still.frame:06}.png"
        assert sha256_of(FOLDER / still.path) == still.sha256
        assert sha256_of(SOURCE / still.video) == still.video_sha256
    assert json.loads(Path("numbers.json").read_text()) == {
        "videos": len(videos),
        "stills": len(stills),
    }
    return stills, videos


def film(name: str = "films/day.mp4", scenes: tuple[int, ...] = (0, 3, 12)) -> Path:
    """A video of scenes of a second."""
    made = [frame for scene in scenes for frame in clips.moving(scene, 24)]
    clips.write(SOURCE / name, made)
    return SOURCE / name


def test_without_videos_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frames, "take_all", None)  # to call it would be an error
    assert run() == ([], [])
    assert capsys.readouterr().out == "0 stills of 0 videos in data/source\n"
    assert [path.read_bytes() for path in NAMES] == [
        b"path,sha256,video,video_sha256,frame,seconds,scene\n",
        b"path,bytes,sha256,stills,detail\n",
    ]


def test_without_pyav_a_video_says_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (SOURCE / "films" / "day.mp4").write_bytes(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41")
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(reading, "is_there", lambda: False)
    stills, videos = run()
    assert (stills, videos) == (
        [],
        [Video("films/day.mp4", 32, "", 0, "`make video` installs what reads it")],
    )
    assert capsys.readouterr().out == (
        "0 stills of 1 videos in data/source · none of 1, as films/day.mp4: `make video` installs "
        "what reads it\n"
    )
    photographs, refused = gathered()
    assert [row.path for row in photographs] == ["films/a.png"]
    assert [tuple(row[:3]) for row in refused] == [
        ("films/day.mp4", "a video", "stills taken of it: 0; see data/tables/videos.csv")
    ]


def gathered() -> tuple[list[Photograph], list[Unreadable]]:
    """What `gather` makes of it."""
    outs = [Path(name) for name in ("g.csv", "u.csv", "s.csv", "thumbnails", "m.json", "c.csv")]
    gather.main(FOLDERS, *outs, GatherParams(source=str(SOURCE), more={}, max_megapixels=100))
    return tables.read(outs[0], Photograph), tables.read(outs[1], Unreadable)


needs_av = pytest.mark.usefixtures("av")


@pytest.fixture
def av() -> None:
    clips.needed()


@needs_av
def test_each_scene_gives_a_still_and_gather_lists_it(capsys: pytest.CaptureFixture[str]) -> None:
    film()
    stills, videos = run()
    assert [still.scene for still in stills] == [0, 1, 2]
    assert [still.seconds for still in stills] == [round(s.frame / 24, 6) for s in stills]
    assert videos[0].detail == "3 stills of 72 frames, 3 scenes"
    assert capsys.readouterr().out == "3 stills of 1 videos in data/source\n"
    photographs, refused = gathered()
    assert [row.path for row in photographs] == ["films/a.png", *(s.path for s in stills)]
    assert {row.section for row in photographs} == {"films"}
    assert [tuple(row[:3]) for row in refused] == [
        ("films/day.mp4", "a video", "stills taken of it: 3; see data/tables/videos.csv")
    ]
    for still in stills:
        (wanted,) = list(clips.moving((0, 3, 12)[still.scene], 24))[still.frame % 24 :][:1]
        seen = images.read(FOLDER / still.path).astype(int)
        assert np.abs(seen - wanted).mean() < 4


@needs_av
def test_a_second_run_takes_over_what_is_there_and_mends_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    film()
    film("films/other.mkv", (5, 6))
    first = run()
    before = {path: (FOLDER / path).stat().st_mtime_ns for path in pictures()}
    (FOLDER / "stranger.png").write_bytes(b"of another run")
    damaged = first[0][0].path
    (FOLDER / damaged).unlink()
    (FOLDER / damaged).write_bytes(b"changed by hand")
    monkeypatch.setattr(frames.choosing, "measured", None)  # to call it would be an error
    assert run() == first
    after = {path: (FOLDER / path).stat().st_mtime_ns for path in pictures()}
    assert {path for path in before if before[path] != after[path]} == {
        still.path for still in first[0] if still.video == first[0][0].video
    }


@needs_av
def test_what_is_no_more_is_removed() -> None:
    film().unlink()
    film("films/other.mkv", (5,))
    stills, _ = run()
    assert {still.video for still in stills} == {"films/other.mkv"}
    (SOURCE / "films" / "other.mkv").unlink()
    assert run() == ([], [])
    assert [path.name for path in FOLDER.iterdir()] == ["about.txt"]


@needs_av
def test_workers_and_the_store_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for i, name in enumerate(("b.mp4", "a/c.mkv", "films/ü d.webm")):
        codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
        clips.write(SOURCE / name, clips.moving(i, 12), codec=codec)
    first = run()
    content = [path.read_bytes() for path in NAMES]
    for workers in ("0", "2"):
        monkeypatch.setenv("SRSET_WORKERS", workers)
        monkeypatch.setenv("SRSET_STORE", f"store {workers}.sqlite")
        assert run() == first
        assert [path.read_bytes() for path in NAMES] == content
    assert len(first[0]) == 3


@needs_av
def test_another_parameter_takes_other_stills() -> None:
    film(scenes=(0, 0, 0, 0))
    few, _ = run()
    many, _ = run(FramesParams(every=0.5, deinterlace=False))
    assert len(many) > len(few) > 0


@needs_av
def test_of_film_as_video_whole_frames_are_taken() -> None:
    made = [f for n in (0, 2, 7, 12) for f in clips.woven(list(clips.moving(n, 40, step=(4, 2))))]
    clips.write(SOURCE / "films" / "tv.mkv", made, rate=Fraction(30000, 1001))
    stills, _ = run(FramesParams(every=0.3, deinterlace=False))
    assert len(stills) >= 12
    assert [still.frame for still in stills if still.frame % 5 in (2, 3)] == []


@needs_av
def test_interlaced_video_is_refused_or_made_whole() -> None:
    made = list(clips.interlaced(list(clips.moving(2, 60, step=(4, 1)))))
    clips.write(SOURCE / "films" / "tv.mkv", made)
    stills, videos = run()
    assert (stills, videos[0].detail) == (
        [],
        "interlaced: most of its 30 frames hold two times; `frames.deinterlace: true` lets bwdif "
        "make whole ones",
    )
    params = FramesParams(every=2, deinterlace=True)
    made_whole = run(params)
    assert len(made_whole[0]) == 1
    (FOLDER / made_whole[0][0].path).unlink()
    assert run(params) == made_whole


@needs_av
def test_a_broken_video_is_told_and_the_others_are_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = film().read_bytes()
    (SOURCE / "films" / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    stills, videos = run()
    assert {still.video for still in stills} == {"films/day.mp4"}
    assert [video.stills for video in videos] == [0, 3]
    assert videos[0].detail.startswith("damaged or of an unknown kind: ")
    assert "· none of 1, as films/cut.mp4: damaged" in capsys.readouterr().out
