"""Pictures of other trainers' networks are compared as the recipe's own are."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL.Image import Resampling

from stages.common.errors import UserError
from stages.common.pixels import images, png
from tests.training.pictures import folder
from training.showcase import pairs, pictures, quality, sets


def enlarged(low: Path, path: Path, step: int, how: Resampling) -> Path:
    """Each picture of a folder at twice its size, as trainers leave them."""
    for one in low.glob("*.png"):
        pixels = images.read(one)
        large = images.resize(pixels, 2 * pixels.shape[1], 2 * pixels.shape[0], how)
        (path / one.stem).mkdir(parents=True, exist_ok=True)
        png.write(path / one.stem / f"{one.stem}_{step}.png", large)
    return path


def test_pairs_are_those_of_a_released_set(tmp_path: Path) -> None:
    held = folder(tmp_path / "held", range(3), side=70)
    assert pairs.make(held, tmp_path / "pairs", 3) == 3
    sizes = {
        size: images.read(tmp_path / "pairs" / size / "1.png").shape[0]
        for size in ("hr", "x2", "x4")
    }
    assert sizes == {"hr": 68, "x2": 34, "x4": 17}


def test_the_last_step_that_all_have_is_compared(tmp_path: Path) -> None:
    place = tmp_path / "pairs"
    pairs.make(folder(tmp_path / "held", range(4), side=80), place, 4)
    one, other = tmp_path / "one", tmp_path / "other"
    enlarged(place / "x2", one, 500, Resampling.NEAREST)
    enlarged(place / "x2", one, 1000, Resampling.BICUBIC)
    enlarged(place / "x2", other, 900, Resampling.NEAREST)
    enlarged(place / "x2", other, 1000, Resampling.NEAREST)
    enlarged(place / "x2", other, 2000, Resampling.BICUBIC)
    rows = pictures.compared(place / "hr", [one, other], 2, 4)
    expected = [
        sum(
            quality.psnr(
                sets.read(path / str(i) / f"{i}_1000.png"), sets.read(place / "hr" / f"{i}.png"), 2
            )
            for i in range(4)
        )
        / 4
        for path in (one, other)
    ]
    assert [row.psnr for row in rows] == pytest.approx(expected)
    assert rows[1].minus_first == pytest.approx(expected[1] - expected[0])
    assert rows[1].high < 0


def test_missing_and_other_pictures_are_told(tmp_path: Path) -> None:
    hr = folder(tmp_path / "hr", [0, 1])
    one = folder(tmp_path / "one", [0])
    message = (
        f"--folders: {one} has no 1.png, nor 1_5000.png or of another step: enlarge all "
        "photographs of --hr"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        pictures.compared(hr, [one], 2, 2)
    png.write(one / "1_7.png", images.read(one / "0.png"))
    message = "--folders: no step has all pictures of all folders: train equally long"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        pictures.compared(hr, [one], 2, 2)
    png.write(one / "1.png", images.read(one / "0.png")[:90])
    message = (
        f"{one / '1.png'} has 96x90 px, expected those of {hr / '1.png'}, 96x96: enlarge the "
        "photograph's x2"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        pictures.compared(hr, [one], 2, 2)


def test_psnr_and_ssim_are_those_of_papers() -> None:
    """By their formulas; a picture beside itself is at the top of the scale."""
    black, grey = np.zeros((40, 40), np.uint8), np.full((40, 40), 85, np.uint8)
    assert quality.psnr(black, grey, 4) == pytest.approx(20 * np.log10(255 / (85 * 219 / 255)))
    assert quality.psnr(grey, grey, 4) == pytest.approx(
        10 * np.log10(12 * 255**4 / 219**2), abs=1e-9
    )
    x, y = 16.0, 16 + 85 * 219 / 255
    one = (2 * x * y + 2.55**2) / (x * x + y * y + 2.55**2)
    assert quality.ssim(black, grey, 4) == pytest.approx(one)
    assert quality.ssim(grey, grey, 4) == pytest.approx(1)
