"""Frames of two times: told from whole ones, in film that became video and in interlaced video."""

import numpy as np
import pytest
from PIL import Image

from stages.common.video import combing
from stages.common.video.combing import Combing
from tests import clips

SCENES = [n for n in range(16) if n != 14]  # of mist, in which nothing sticks out
FILM = (True, True, False, False, True)  # which frames of five are whole


def combings(frames: list[np.ndarray]) -> list[Combing]:
    grey = [np.asarray(Image.fromarray(f).convert("L")) for f in frames]
    return [combing.combing(f, before) for f, before in zip(grey, [None, *grey], strict=False)]


def scene(number: int) -> list[np.ndarray]:
    return list(clips.moving(number, 24, (320, 180), (3, 1)))


def test_most_whole_frames_are_clean_and_some_of_any_five() -> None:
    for number in SCENES:
        found = combing.clean(combings(scene(number)))
        assert sum(found) >= 0.8 * len(found)
        assert all(any(found[i : i + 5]) for i in range(len(found) - 4))


def test_of_film_as_video_the_whole_frames_are_clean() -> None:
    wrong = 0
    for number in SCENES:
        values = combings(list(clips.woven(scene(number))))
        assert not combing.is_interlaced(values)
        found = combing.clean(values)
        assert all(any(found[i : i + 5]) for i in range(len(found) - 4))
        wrong += sum(is_clean and not FILM[i % 5] for i, is_clean in enumerate(found))
    assert wrong <= 4  # of 180 combed ones


def test_interlaced_video_is_told_from_all_others() -> None:
    found = [combing.is_interlaced(combings(list(clips.interlaced(scene(n))))) for n in SCENES]
    assert found.count(False) <= 1
    assert not any(combing.is_interlaced(combings(scene(n))) for n in SCENES)


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5])
def test_a_picture_of_few_rows_is_not_combed(height: int) -> None:
    assert combing.combing(np.zeros((height, 8), np.uint8), None) == Combing(0.0, False)


def test_no_frames_are_nothing() -> None:
    assert (combing.clean([]), combing.is_interlaced([])) == ([], False)
