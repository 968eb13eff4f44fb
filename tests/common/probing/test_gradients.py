"""Classes of pixels: what angle, strength and coherence are, and that coarser ones are made of
them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.measures.luma import Luma
from stages.common.probing import gradients
from stages.common.probing.gradients import CLASSES, COHERENCES, GRAIN, STRENGTHS


def waves(degrees: float, height: float = 60) -> Luma:
    """A wave that runs in a direction, from the x axis down."""
    y, x = np.mgrid[:40, :40]
    turn = np.radians(degrees)
    wave = np.sin((x * np.cos(turn) + y * np.sin(turn)) * 0.4)
    return np.round(128 + height * wave).astype(np.uint8)


@pytest.mark.parametrize("degrees", range(7, 180, 15))
def test_a_wave_has_the_class_of_its_direction(degrees: int) -> None:
    found = gradients.classes(waves(degrees)).ravel() // (STRENGTHS * COHERENCES)
    assert np.bincount(found).argmax() == degrees // 15
    assert np.mean(found == degrees // 15) > 0.95


def test_strength_grows_with_contrast_and_one_direction_is_coherent() -> None:
    strengths = [
        int(np.median(gradients.classes(waves(20, height)) // COHERENCES % STRENGTHS))
        for height in (1, 8, 30, 100)
    ]
    assert strengths == [0, 1, 2, 3]
    random = np.random.default_rng(0)
    crossed = random.integers(0, 256, (40, 40), dtype=np.uint8)
    assert np.mean(gradients.classes(waves(20)) % COHERENCES) == 3
    assert np.mean(gradients.classes(crossed) % COHERENCES) < 1


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_a_sector_is_that_of_the_angle(x: int, y: int) -> None:
    turn = np.degrees(np.arctan2(y, x)) % 360
    if abs(turn / 30 - round(turn / 30)) > 1e-3:  # not at a limit
        one = np.array([[x]], np.int32), np.array([[y]], np.int32)
        assert gradients.angle(*one).item() == int(turn // 30)


@pytest.mark.parametrize("count", GRAIN)
def test_sums_by_coarser_classes_are_of_those_that_belong_together(count: int) -> None:
    fine = np.random.default_rng(0).integers(0, 99, (CLASSES, 2)).astype(float)
    found = np.zeros((count, 2))
    np.add.at(found, gradients.coarser_class(count), fine)
    np.testing.assert_array_equal(gradients.coarser(fine, count), found)
