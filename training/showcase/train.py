"""Train a small network for super-resolution on a set.

Takes:  the folder of a set; the scale.
Leaves: the network's numbers in a .safetensors file, with what it was made of in its header; the
        curve of its loss.
Rule:   fixed: 16 patches of 32 px a step for 3,200 steps, of images that `slots` draws alike for
        all sets, from one start, Adam at 3e-3, L1 (`fitting`).
Source: the notes at the end of README.md here: what was tried, and what ranked sets wrongly.
"""

from pathlib import Path
from typing import NamedTuple

from stages.common import tables
from stages.common.cli import run
from training.showcase import models, sets
from training.showcase.fitting import TrainParams, made_of, steady, trained


class Loss(NamedTuple):
    """A part of the steps."""

    part: int  # from 1
    l1: float  # mean, of luma in 0..1


def main(set: Path, scale: str, weights: Path, losses: Path, params: TrainParams) -> None:
    device = steady(params.device)
    identified = sets.find(set)
    fitted = trained(identified, int(scale), params, device)
    models.write(weights, fitted.network, made_of(identified, int(scale), params, device))
    tables.write(losses, Loss, [Loss(i, loss) for i, loss in enumerate(fitted.losses, start=1)])
    print(
        f"x{scale}: {len(identified):,} images, {params.steps:,} steps · "
        f"L1 {fitted.losses[0]:.5f} -> {fitted.losses[-1]:.5f}"
    )


if __name__ == "__main__":
    run(main)
