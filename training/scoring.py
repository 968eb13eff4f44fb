"""The trained scorer as it is used: whole pictures in, one score each out."""

from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from stages.common.hyperiqa import crops
from stages.common.hyperiqa.network import HyperIQA, fold
from training.degradations import Pixels
from training.split import device

CHUNK = 32  # crops at once: bounds memory on large photographs


def load(weights: Path) -> nn.Module:
    """The folded scorer of a .safetensors file, on the first GPU or the CPU."""
    network = HyperIQA("efficientnet_lite0")
    network.load_state_dict(safetensors.torch.load_file(weights))
    return fold(network).to(device())


@torch.no_grad()
def score(network: nn.Module, pixels: Pixels) -> float:
    """Score a picture (H, W, 3): the weighted mean over the crops of the policy `cover`."""
    cropped, weights = crops.prepare(pixels, "cover", seed="")
    parts = [network(part.to(device())).cpu() for part in torch.from_numpy(cropped).split(CHUNK)]
    return float(torch.cat(parts) @ torch.from_numpy(weights))
