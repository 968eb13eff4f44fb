"""HyperIQA: for each crop, a network makes the weights of a second, small one, which scores it.

A backbone gives feature maps at strides 4, 8, 16 and 32. Local distortion modules turn them into
one vector `v` of 224 numbers, which says what there is to see. The hyper network turns the deepest
map into weights and biases, which say how to judge it. The target network, which has these weights
and biases, turns `v` into one score. One class serves every backbone (`backbones.py`); `fold`
rewrites a trained network into fewer operations with the same result.

Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper Network",
CVPR 2020, and the authors' MIT code, https://github.com/SSL92/hyperIQA.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from stages.common.hyperiqa.backbones import BACKBONES, Backbone, ConvNorm

CROP = 224  # side of the square the network looks at, px
GRIDS = (8, 4, 2, 1)  # cells a side that the maps of 56, 28, 14 and 7 px are averaged to
REDUCED = (
    16,
    32,
    64,
)  # channels that the first three maps are reduced to before `LocalDistortion` reads them
LOCAL = 16  # numbers that are read from each of these three
TARGET = (224, 112, 56, 28, 14)  # widths of the target network; the last layer has one output
HYPER = 112  # channels of the hyper feature, a 7x7 map
CELLS = 49  # of that map: a target weight matrix is channels x 49 numbers, filled in row by row


class WithBackbone(nn.Module):
    """What `HyperIQA` and `FoldedHyperIQA` share: normalise crops and run the backbone."""

    mean: Tensor
    std: Tensor
    backbone: Backbone

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(backbone.mean, device="cpu"), persistent=False)
        self.register_buffer("std", torch.tensor(backbone.std, device="cpu"), persistent=False)

    def maps(self, crops: Tensor) -> list[Tensor]:
        """The backbone's feature maps of crops.

        Args:
            crops: (B, 224, 224, 3), RGB values 0..255. Convolutions are fastest with channels
                last in memory, so the backbone gets a view of the crops and no copy.

        Returns:
            (B, channels, side, side), of 56, 28, 14 and 7 px, of the dtype of `mean`.
        """
        normalised = (crops.to(self.mean.dtype) - self.mean) / self.std
        dtype = next(self.backbone.parameters()).dtype
        maps = self.backbone(normalised.to(dtype).permute(0, 3, 1, 2))
        return [m.to(self.mean.dtype) for m in maps]


class HyperIQA(WithBackbone):
    """The trainable network. `backbone` is a key of `BACKBONES`."""

    def __init__(self, backbone: str) -> None:
        super().__init__(BACKBONES[backbone]())
        channels = self.backbone.channels
        local = [
            LocalDistortion(channels[i], REDUCED[i], grid=GRIDS[i], width=LOCAL) for i in range(3)
        ]
        last = LocalDistortion(channels[3], None, grid=1, width=TARGET[0] - 3 * LOCAL)
        self.distortion = nn.ModuleList([*local, last])
        widths = (channels[3], *self.backbone.hyper_widths, HYPER)
        self.hyper = nn.Sequential(
            *(
                layer
                for a, b in pairwise(widths)
                for layer in (nn.Conv2d(a, b, 1), nn.ReLU(inplace=True))
            )
        )
        self.weights = nn.ModuleList(
            [nn.Conv2d(HYPER, a * b // CELLS, 3, padding=1) for a, b in pairwise(TARGET)]
        )
        self.last_weight = nn.Linear(HYPER, TARGET[-1])
        self.biases = nn.ModuleList([nn.Linear(HYPER, width) for width in (*TARGET[1:], 1)])

    def forward(self, crops: Tensor) -> Tensor:
        """Score crops.

        Args:
            crops: (B, 224, 224, 3), RGB values 0..255, uint8 or floating point.

        Returns:
            (B,) scores, higher is better, on the training labels' scale but not bounded to it.
        """
        maps = self.maps(crops)
        v = torch.cat([module(m) for module, m in zip(self.distortion, maps, strict=True)], dim=1)
        h = self.hyper(maps[3])
        weights = [conv(h).flatten(1) for conv in self.weights]
        pooled = h.mean(dim=(2, 3))
        return target_network(
            v,
            [*weights, self.last_weight(pooled)],
            [linear(pooled) for linear in self.biases],
        )


class FoldedHyperIQA(WithBackbone):
    """A trained `HyperIQA` in fewer operations: same scores up to rounding. Made by `fold`."""

    def __init__(self, network: HyperIQA) -> None:
        super().__init__(network.backbone)
        self.distortion = nn.ModuleList([module.as_linear() for module in network.distortion])  # type: ignore[operator]
        self.hyper = network.hyper
        self.weights = _stacked_conv(list(network.weights))
        self.biases = _stacked_linear([network.last_weight, *network.biases])

    def forward(self, crops: Tensor) -> Tensor:
        """Score crops; shapes and values as in `HyperIQA.forward`."""
        maps = self.maps(crops)
        cells = [F.avg_pool2d(m, 7).flatten(1) for m in maps]
        v = torch.cat([linear(c) for linear, c in zip(self.distortion, cells, strict=True)], dim=1)
        h = self.hyper(maps[3])
        weights = self.weights(h).flatten(1).split([a * b for a, b in pairwise(TARGET)], dim=1)
        last_weight, *biases = self.biases(h.mean(dim=(2, 3))).split(
            [TARGET[-1], *TARGET[1:], 1], dim=1
        )
        return target_network(v, [*weights, last_weight], biases)


def fold(network: HyperIQA) -> FoldedHyperIQA:
    """Fold BatchNorms into convolutions and stack layers that share an input, in float64.

    The network given is left as it is. Returns a network in eval mode and float32.
    """
    network = copy.deepcopy(network).double().eval()
    for module in list(network.backbone.modules()):
        if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
    return FoldedHyperIQA(network).float().eval().requires_grad_(False)


def target_network(v: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Rate each vector with its own network: four sigmoid layers and a linear one.

    Args:
        v: (B, 224).
        weights: five tensors (B, out * in), each row a matrix read row by row.
        biases: five tensors (B, out).

    Returns:
        (B,) scores.
    """
    q = v.unsqueeze(2)
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        matrix = weight.unflatten(1, (bias.shape[1], q.shape[1]))
        q = torch.baddbmm(bias.unsqueeze(2), matrix, q)
        if i < len(weights) - 1:
            q = torch.sigmoid(q)
    return q.flatten()


class LocalDistortion(nn.Module):
    """Average a feature map over `grid` x `grid` cells and read them with one linear layer.

    `reduced` is the number of channels that a 1x1 convolution leaves before; None leaves them all.
    """

    def __init__(self, channels: int, reduced: int | None, *, grid: int, width: int) -> None:
        super().__init__()
        self.grid = grid
        self.reduce = nn.Conv2d(channels, reduced, 1, bias=False) if reduced is not None else None
        self.linear = nn.Linear((reduced or channels) * grid * grid, width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 7)
        if (
            self.reduce is not None
        ):  # after the average: both are linear, and this way it is cheaper
            x = self.reduce(x)
        return self.linear(x.flatten(1))

    def as_linear(self) -> nn.Linear:
        """The whole module as one linear layer on the flattened cells of the unreduced map."""
        if self.reduce is None:
            return self.linear
        reduce = self.reduce.weight.flatten(1)  # (reduced, channels)
        cells = self.linear.weight.unflatten(
            1, (reduce.shape[0], -1)
        )  # (width, reduced, grid * grid)
        weight = torch.einsum("wrg,rc->wcg", cells, reduce).flatten(1)
        return _linear(weight, self.linear.bias)


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    linear.weight = nn.Parameter(weight.detach())
    linear.bias = nn.Parameter(bias.detach())
    return linear


def _stacked_linear(linears: Sequence[Any]) -> nn.Linear:
    return _linear(torch.cat([x.weight for x in linears]), torch.cat([x.bias for x in linears]))


def _stacked_conv(convs: Sequence[Any]) -> nn.Conv2d:
    weight = torch.cat([conv.weight for conv in convs]).detach()
    stacked = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, dtype=weight.dtype)
    stacked.weight = nn.Parameter(weight)
    stacked.bias = nn.Parameter(torch.cat([conv.bias for conv in convs]).detach())
    return stacked
