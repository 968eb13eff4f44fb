"""Pictures that tests of the recipe train on: small, and with something to learn."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stages.common.pixels import png
from stages.common.pixels.images import Pixels
from training.showcase.fitting import TrainParams

FEW = TrainParams(
    few_steps=True,
    steps=30,
    batch=4,
    patch=16,
    rate=3e-3,
    warmup=0.05,
    average=0.9,
    seed=0,
    device="cpu",
)


def picture(seed: int, side: int = 96) -> Pixels:
    """Discs of random colours, with sharp edges."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    found = np.full((side, side, 3), rng.integers(256, size=3), np.uint8)
    for _ in range(30):
        y, x, radius = rng.uniform(0, side, 3) * (1, 1, 0.2)
        found[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = rng.integers(256, size=3)
    return found


def folder(path: Path, seeds: Sequence[int], side: int = 96) -> Path:
    """A folder of pictures, named by their seeds."""
    path.mkdir(parents=True)
    for seed in seeds:
        png.write(path / f"{seed}.png", picture(seed, side))
    return path
