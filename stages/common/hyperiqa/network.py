"""HyperIQA: a network that looks at a crop and writes, for it alone, the small one that rates it.

A backbone gives feature maps at strides 4, 8, 16 and 32. Local distortion modules turn them into
one vector `v` of 224 numbers (what is there to see); the hyper network turns the deepest map into
weights and biases (how to judge it); the target network made of these maps `v` to one score. One
class serves every backbone; `fold` rewrites a trained network into fewer operations with the same
result.

Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper Network",
CVPR 2020, and the authors' MIT code, https://github.com/SSL92/hyperIQA. Backbones: He et al.,
"Deep Residual Learning for Image Recognition", CVPR 2016; EfficientNet-Lite0, Apache-2.0,
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CROP = 224  # side of the square the network looks at, px
GRIDS = (8, 4, 2, 1)  # cells a side that the maps of 56, 28, 14 and 7 px are averaged to
REDUCED = (16, 32, 64)  # channels that the first three maps are reduced to, before they are read
LOCAL = 16  # numbers that are read from each of these three
TARGET = (224, 112, 56, 28, 14)  # widths of the target network; the last layer has one output
HYPER = 112  # channels of the hyper feature, a 7x7 map
CELLS = 49  # of that map: each target weight matrix is written as channels x 49, read row by row


class Backbone(nn.Module):
    """A network that gives four feature maps, at strides 4, 8, 16 and 32."""

    channels: tuple[int, int, int, int]  # of the four maps
    hyper_widths: tuple[int, ...]  # of the layers between the last map and the hyper feature
    mean: tuple[float, float, float]  # of the input, RGB in 0..255
    std: tuple[float, float, float]


class Eyes(nn.Module):
    """What both networks share: a backbone, and its own way to normalise."""

    mean: Tensor
    std: Tensor
    backbone: Backbone

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(backbone.mean, device="cpu"), persistent=False)
        self.register_buffer("std", torch.tensor(backbone.std, device="cpu"), persistent=False)

    def maps(self, crops: Tensor) -> list[Tensor]:
        """Give the feature maps, float32, of (B, 224, 224, 3) crops in 0..255.

        Crops come with channels last, so the network has this memory format for nothing.
        """
        normalised = (crops.to(self.mean.dtype) - self.mean) / self.std
        dtype = next(self.backbone.parameters()).dtype
        maps = self.backbone(normalised.to(dtype).permute(0, 3, 1, 2))
        return [m.to(self.mean.dtype) for m in maps]


class HyperIQA(Eyes):
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


class FoldedHyperIQA(Eyes):
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


class ConvNorm(nn.Module):
    """Convolution without bias, then BatchNorm. `same` pads as TensorFlow does on even sides."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        eps: float = 1e-5,
        same: bool = False,
    ) -> None:
        super().__init__()
        asymmetric = same and stride == 2
        before = (kernel - 2) // 2
        self.pad = (before, kernel - 2 - before) * 2 if asymmetric else None
        self.conv = nn.Conv2d(
            inputs,
            outputs,
            kernel,
            stride=stride,
            padding=0 if asymmetric else kernel // 2,
            groups=groups,
            bias=False,
        )
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        if self.pad is not None:
            x = F.pad(x, self.pad)
        return self.norm(self.conv(x))


class ResNet50(Backbone):
    """ResNet-50 with the stride in the 3x3 convolution; gives the outputs of its four stages."""

    channels = (256, 512, 1024, 2048)
    hyper_widths = (1024, 512)
    mean = (255 * 0.485, 255 * 0.456, 255 * 0.406)
    std = (255 * 0.229, 255 * 0.224, 255 * 0.225)

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 64, 7, stride=2)
        self.stages = nn.ModuleList()
        inputs = 64
        for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            stage = [Bottleneck(inputs, width, stride)]
            stage += [Bottleneck(4 * width, width, 1) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(*stage))
            inputs = 4 * width

    def forward(self, x: Tensor) -> list[Tensor]:
        x = F.max_pool2d(F.relu(self.stem(x), inplace=True), 3, stride=2, padding=1)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.reduce = ConvNorm(inputs, width, 1)
        self.conv = ConvNorm(width, width, 3, stride=stride)
        self.expand = ConvNorm(width, 4 * width, 1)
        changes = stride != 1 or inputs != 4 * width
        self.shortcut = ConvNorm(inputs, 4 * width, 1, stride=stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.reduce(x), inplace=True)
        y = F.relu(self.conv(y), inplace=True)
        return F.relu(self.expand(y) + self.shortcut(x), inplace=True)


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 without its classifier; gives the outputs of blocks 2, 4, 10 and 15."""

    channels = (24, 40, 112, 320)
    hyper_widths = ()
    mean = (127.0, 127.0, 127.0)
    std = (128.0, 128.0, 128.0)
    taps = (2, 4, 10, 15)
    # expansion, channels, kernel, stride of the first block, blocks
    plan = (
        (1, 16, 3, 1, 1),
        (6, 24, 3, 2, 2),
        (6, 40, 5, 2, 2),
        (6, 80, 3, 2, 3),
        (6, 112, 5, 1, 3),
        (6, 192, 5, 2, 4),
        (6, 320, 3, 1, 1),
    )

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, stride=2, eps=1e-3, same=True)
        self.blocks = nn.ModuleList()
        inputs = 32
        for expansion, outputs, kernel, stride, blocks in self.plan:
            for i in range(blocks):
                self.blocks.append(
                    InvertedResidual(inputs, outputs, expansion, kernel, stride if i == 0 else 1)
                )
                inputs = outputs

    def forward(self, x: Tensor) -> list[Tensor]:
        x = F.relu6(self.stem(x))
        maps = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.taps:
                maps.append(x)
        return maps


class InvertedResidual(nn.Module):
    """Expand, filter each channel by itself, project; add the input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = ConvNorm(inputs, width, 1, eps=1e-3) if expansion != 1 else None
        self.depthwise = ConvNorm(
            width, width, kernel, stride=stride, groups=width, eps=1e-3, same=True
        )
        self.project = ConvNorm(width, outputs, 1, eps=1e-3)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


BACKBONES: dict[str, type[Backbone]] = {
    "resnet50": ResNet50,
    "efficientnet_lite0": EfficientNetLite0,
}


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
