"""The network that the recipe trains: a plain stack of 3x3 convolutions on luma.

It adds to the bicubic picture what that lacks: 16 channels, 4 hidden layers, leaky ReLU, then a
pixel shuffle; 10,020 numbers for x2, 11,760 for x4.

Source: the pixel shuffle of Shi et al., "Real-Time Single Image and Video Super-Resolution Using an
        Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016; the skip of Kim et al.,
        "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR 2016; first
        values of He et al., "Delving Deep into Rectifiers", ICCV 2015.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.common.measures.luma import Luma

CHANNELS, HIDDEN = 16, 4
SLOPE = 0.1  # of the leaky ReLU below zero
LAST = 0.1  # of He's values, that the last layer begins with
SCALES = (2, 4)


class Network(nn.Module):
    """(n, 1, h, w) luma in 0..1 to (n, 1, scale h, scale w)."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        widths = [1, *[CHANNELS] * (HIDDEN + 1), scale * scale]
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths)
        )

    def forward(self, low: Tensor) -> Tensor:
        skip = F.interpolate(low, scale_factor=float(self.scale), mode="bicubic")
        for layer in list(self.layers)[:-1]:
            low = F.leaky_relu(layer(low), SLOPE)
        return skip + F.pixel_shuffle(self.layers[-1](low), self.scale)


def initial(scale: int) -> Network:
    """The network before training, always the same: another start moves PSNR by more than most
    sets do. It begins near bicubic: the last layer at He's values would drown it in noise, which
    3,200 steps don't quite undo; at zero the layers before it would learn nothing at first."""
    network = Network(scale)
    draw = torch.Generator().manual_seed(0)
    for layer in network.layers:
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        nn.init.kaiming_normal_(layer.weight, SLOPE, generator=draw)
        nn.init.zeros_(layer.bias)
    last = network.layers[-1].weight
    assert isinstance(last, Tensor)
    last.data *= LAST
    return network


def tensor(luma: Luma) -> Tensor:
    """(..., h, w) of 0..255 as (..., 1, h, w) in 0..1."""
    return torch.from_numpy(np.array(luma, np.float32)).unsqueeze(-3) / 255


@torch.no_grad()
def enlarged(network: Network, luma: Luma) -> Luma:
    """A luma (h, w) enlarged to (scale h, scale w), rounded and cut at 0 and 255."""
    device = next(network.parameters()).device
    found = network(tensor(luma)[None].to(device))[0, 0] * 255
    levels: Luma = found.round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return levels
