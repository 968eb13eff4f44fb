"""The network of the embedding: what the built-in scorer's backbone sees where in a picture."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.common.hyperiqa.cpu import CpuBackbone
from stages.common.hyperiqa.network import HyperIQA, WithBackbone, fold

SIDES = (14, 7)  # of the maps at strides 16 and 32


class Features(WithBackbone):
    """A trained network's backbone, folded, on four versions of each picture."""

    def __init__(self, network: HyperIQA) -> None:
        super().__init__(fold(network).backbone)
        self.backbone = CpuBackbone(self.backbone)
        for side in SIDES:
            self.register_buffer(f"waves{side}", waves(side), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features of pictures.

        The maps are averaged over a picture, its mirror image, and both at half the resolution: a
        mirrored copy has the same features, and one of few pixels nearly the same.

        Args:
            pictures: (B, 224, 224, 3), RGB values 0..255.

        Returns:
            (B, 2592): for each of six waves the 432 means of both maps times that wave.
        """
        whole = pictures.to(self.mean.dtype)
        small = F.avg_pool2d(whole.permute(0, 3, 1, 2), 2)
        soft = F.interpolate(small, scale_factor=2.0, mode="bilinear").permute(0, 2, 3, 1)
        versions = torch.cat([whole, whole.flip(2), soft, soft.flip(2)])
        found = []
        for side, maps in zip(SIDES, self.maps(versions)[2:], strict=True):
            one, two, three, four = maps.chunk(4)
            mean = (one + two + three + four) / 4
            found.append(torch.einsum("bcyx,wyx->bwc", mean, getattr(self, f"waves{side}")))
        return torch.cat(found, dim=2).flatten(1)


def waves(side: int) -> Tensor:
    """The lowest cosine waves over a map: three from top to bottom times two from left to right.

    Returns:
        (6, side, side), the first of which gives the mean. Those from left to right are even, so
        that a map and its mirror image have the same.
    """
    place = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    down, across = (
        torch.stack([torch.cos(torch.pi * number * place) for number in numbers])
        for numbers in ((0, 1, 2), (0, 2))
    )
    return (torch.einsum("iy,jx->ijyx", down, across).reshape(6, side, side) / side**2).float()
