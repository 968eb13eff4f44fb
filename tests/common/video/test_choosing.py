"""Stills: sharp, away from cuts, whole, and so many of a scene as its length allows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from stages.common.video import choosing, reading
from stages.common.video.choosing import AWAY, Choice, Measures
from stages.common.video.combing import Combing
from stages.common.video.cuts import cuts as cuts_of
from tests import clips

CLEAN, COMBED = Combing(0.3, True), Combing(1.5, False)


def film(bits: Sequence[int], cuts: Sequence[int] = (), rate: float = 1.0) -> list[Measures]:
    """Measures of frames that cut at some places."""
    return [Measures(i / rate, b, CLEAN, 0.9 if i in cuts else 0.0) for i, b in enumerate(bits)]


def test_of_each_scene_the_frame_with_most_detail_is_taken() -> None:
    bits = [1] * 20
    bits[1], bits[15] = 9, 7
    assert choosing.chosen(film(bits, [10]), every=100) == [Choice(1, 0), Choice(15, 1)]


def test_a_long_scene_gives_one_frame_every_so_many_seconds_at_most() -> None:
    bits = [5, 6, 7, 6, 5, 4, 3, 2, 9, 1, 1, 1, 1, 1]
    assert choosing.chosen(film(bits), every=4) == [Choice(2, 0), Choice(8, 0), Choice(12, 0)]
    assert choosing.chosen(film(bits, rate=2), every=4) == [Choice(0, 0), Choice(8, 0)]


def test_a_scene_that_is_too_short_gives_nothing() -> None:
    assert choosing.chosen(film([1] * 26, [10, 16]), every=100) == [Choice(0, 0), Choice(19, 2)]


def test_damaged_and_combed_frames_are_not_taken() -> None:
    frames = film([9, 8, 7, 6, 5])
    frames[0] = frames[0]._replace(bits=0)
    frames[1] = frames[1]._replace(combing=COMBED)
    assert choosing.chosen(frames, every=100) == [Choice(2, 0)]
    assert choosing.chosen([f._replace(combing=COMBED) for f in frames], every=100) == []
    assert choosing.chosen([], every=100) == []


def test_where_fields_do_not_tell_the_least_combed_near_it_is_taken() -> None:
    frames = film([9] * 9)
    for i, frame in enumerate(frames):
        frames[i] = frame._replace(combing=Combing(0.5 - 0.001 * i, False))
    assert choosing.chosen(frames, every=100) == [Choice(2, 0)]


@given(
    st.lists(st.integers(0, 20), max_size=60),
    st.sets(st.integers(1, 59)),
    st.integers(1, 20),
)
def test_stills_keep_their_distances(bits: list[int], cuts: set[int], every: int) -> None:
    frames = film(bits, sorted(cuts))
    found = choosing.chosen(frames, every)
    starts = cuts_of([frame.unlikeness for frame in frames])
    assert found == sorted(set(found))
    for choice in found:
        assert all(not -AWAY <= choice.frame - start < AWAY for start in starts)
        assert choice.scene == sum(start <= choice.frame for start in starts)
        others = [c for c in found if c.scene == choice.scene and c != choice]
        assert all(abs(c.frame - choice.frame) >= every for c in others)


def test_the_sharp_frames_of_a_film_are_taken(tmp_path: Path) -> None:
    """In each scene three frames are sharp, and all others as if the camera moved."""
    clips.needed()
    frames, sharp = [], set()
    for scene in range(6):
        for i, frame in enumerate(clips.moving(scene, 20)):
            if 9 <= i <= 11:
                sharp.add(len(frames))
                frames.append(frame)
            else:
                blur = ImageFilter.BoxBlur((4, 0))
                frames.append(np.asarray(Image.fromarray(frame).filter(blur)))
    clips.write(tmp_path / "film.mp4", frames)
    measures = list(choosing.measured(reading.frames(tmp_path / "film.mp4")))
    found = choosing.chosen(measures, every=5)
    assert [choice.scene for choice in found] == list(range(6))
    assert {choice.frame for choice in found} <= sharp
    assert choosing.scenes(measures) == 6


@pytest.mark.parametrize("frames", [0, 1, 2, 7])
def test_every_frame_is_measured_in_a_film_of_few(frames: int, tmp_path: Path) -> None:
    clips.needed()
    if frames == 0:
        assert list(choosing.measured(iter([]))) == []
        return
    clips.write(tmp_path / "film.mkv", clips.moving(0, frames), rate=10)
    seconds = [m.seconds for m in choosing.measured(reading.frames(tmp_path / "film.mkv"))]
    assert seconds == pytest.approx([i / 10 for i in range(frames)])
