"""How well a network enlarges held photographs."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from pydantic import Field

from stages.common import workers
from stages.common.errors import UserError
from stages.common.measures.luma import Luma
from stages.common.params import Params
from training.showcase import quality, sets
from training.showcase.network import SCALES, Network, enlarged

SMALLEST = 64  # px, of a side
MULTIPLE = max(SCALES)  # the same part of a photograph is looked at for all scales


class EvaluateParams(Params):
    least: int = Field(ge=2)
    side: int = Field(ge=SMALLEST)


class Measured(NamedTuple):
    """A held photograph."""

    photograph: str
    bicubic_psnr: float  # dB
    psnr: float
    bicubic_ssim: float  # -1..1
    ssim: float


def middle(luma: Luma, side: int) -> Luma:
    """At most `side` px of a luma each way, a multiple of all scales."""
    top, left = (max(0, length - side) // 2 for length in luma.shape)
    found = luma[top : top + side, left : left + side]
    height, width = (length // MULTIPLE * MULTIPLE for length in found.shape)
    return found[:height, :width]


def bicubic(low: Luma, scale: int) -> Luma:
    """What one compares with: a luma enlarged by Pillow's BICUBIC."""
    height, width = low.shape
    size = (scale * width, scale * height)
    return np.asarray(Image.fromarray(low).resize(size, Image.Resampling.BICUBIC))


def look(photograph: tuple[str, Path], *, network: Network, side: int) -> Measured:
    """Downscale a photograph, enlarge it, compare. The border of `scale` px does not count.

    Raises:
        UserError: where it can't be read, or is too small.
    """
    torch.set_num_threads(1)  # in a worker, too: the same numbers with any number of these
    name, path = photograph
    luma = sets.read(path)
    if min(luma.shape) < SMALLEST:
        raise UserError(
            f"{path} has {luma.shape[1]}x{luma.shape[0]} px, expected {SMALLEST} or more on each "
            "side: take it out of the held ones"
        )
    scale = network.scale
    low, high = sets.pair(middle(luma, side), scale)
    plain, ours = bicubic(low, scale), enlarged(network, low)
    return Measured(
        name,
        quality.psnr(plain, high, scale),
        quality.psnr(ours, high, scale),
        quality.ssim(plain, high, scale),
        quality.ssim(ours, high, scale),
    )


def measured(network: Network, folder: Path, params: EvaluateParams) -> list[Measured]:
    """Every held photograph of a folder, sorted by its path.

    Raises:
        UserError: where they are too few.
    """
    photographs: Sequence[tuple[str, Path]] = sets.held(folder, params.least)
    task = functools.partial(look, network=network, side=params.side)
    return list(workers.each(task, photographs, what="evaluate"))
