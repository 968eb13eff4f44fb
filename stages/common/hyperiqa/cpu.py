"""A folded network's backbone, rewritten for CPUs: the same scores up to rounding, in less time.

Three things are done, each worth its lines (bench/README.md):

- ResNet-50's 3x3 convolutions of stride 1 take 43 to 50% of the multiplications (`RowWinograd`).
- Where a block's shortcut is a convolution, it and the block's last one become one.
- The first maps, which are the largest, are made for crop after crop, so that caches hold them.

What is done is written in plain layers, which OpenVINO compiles as it does any others.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.common.hyperiqa.backbones import Backbone, Bottleneck, EfficientNetLite0, ResNet50
from stages.common.hyperiqa.network import GRIDS

# Rows that are made at once, and the points for them. 4 and 7 divide the heights of all maps. With
# these points float32 holds B exactly. A layer's error is 2 and 6 times a plain convolution's; in
# the score that no longer shows.
POINTS = {4: (0, 1, -1, 2, -2), 7: (1, -1, 2, -2, 0.75, -0.75, 0.25, -0.25)}


class CropByCrop(Backbone):
    """A folded backbone, rewritten. The first of its parts takes the crops one by one."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.first, *others = _parts(backbone)
        self.others = nn.ModuleList(others)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [torch.cat([self.first(crop) for crop in x.split(1)])]
        for part in self.others:
            maps.append(part(maps[-1]))
        return maps


def _parts(backbone: Backbone) -> list[nn.Sequential]:
    """What leads to the first map, and from each map to the next."""
    if isinstance(backbone, ResNet50):
        stages: Any = backbone.stages
        parts = [
            nn.Sequential(*(QuickBottleneck(block, 7 * cells) for block in stage))
            for stage, cells in zip(stages, GRIDS, strict=True)
        ]
        pool = nn.MaxPool2d(3, stride=2, padding=1)
        return [nn.Sequential(backbone.stem, nn.ReLU(), pool, parts[0]), *parts[1:]]
    assert isinstance(backbone, EfficientNetLite0)
    ends = [tap + 1 for tap in backbone.taps]
    parts = [
        nn.Sequential(*backbone.blocks[start:end])
        for start, end in zip([0, *ends], ends, strict=False)
    ]
    return [nn.Sequential(backbone.stem, nn.ReLU6(), parts[0]), *parts[1:]]


class QuickBottleneck(nn.Module):
    """A folded `Bottleneck` whose 3x3 convolution gives maps of `height` rows."""

    def __init__(self, block: Bottleneck, height: int) -> None:
        super().__init__()
        self.reduce = block.reduce.conv
        conv = block.conv.conv
        stride = conv.stride[0]
        self.conv = RowWinograd(conv, height) if stride == 1 else nn.Sequential(conv, nn.ReLU())
        self.expand = block.expand.conv
        self.joins = not isinstance(block.shortcut, nn.Identity)
        if self.joins:
            # Takes each other pixel. OpenVINO is slow at slices, and quick at this.
            self.shrink = nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()
            self.expand = _joined(block.expand.conv, block.shortcut.conv)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(F.relu(self.reduce(x)))
        if self.joins:
            return F.relu(self.expand(torch.cat([y, self.shrink(x)], dim=1)))
        return F.relu(self.expand(y) + x)


def _joined(one: Any, other: Any) -> nn.Conv2d:
    """The sum of two 1x1 convolutions as one, of both inputs' channels."""
    return _conv(torch.cat([one.weight, other.weight], dim=1), one.bias + other.bias)


class RowWinograd(nn.Module):
    """A 3x3 convolution of stride 1 and padding 1, then ReLU, on maps of `height` rows.

    Each row of the output is the sum of three rows of the input, each convolved along its length.
    Winograd makes `m` rows of the output out of products of sums of `m + 2` rows of the input:
    m + 2 convolutions of rows, where m rows need 3 m without. Rows only, not columns, since this
    way the sums are large layers that OpenVINO runs well.

    Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016,
    https://arxiv.org/abs/1509.09308.
    """

    def __init__(self, conv: nn.Conv2d, height: int) -> None:
        super().__init__()
        step = next(rows for rows in POINTS if height % rows == 0)
        outputs, filters, inputs = winograd(step, 3, POINTS[step])
        self.outputs: list[list[float]] = outputs.tolist()
        weights = torch.einsum("pr,oirc->poic", filters, conv.weight.double()).unsqueeze(3)
        self.products = nn.ModuleList()
        for row, weight, output in zip(inputs, weights, outputs.T, strict=True):
            factors = row.view(1, 1, -1, 1).repeat(conv.in_channels, 1, 1, 1).to(conv.weight)
            sums = _conv(factors, None, stride=(step, 1), padding=(1, 0), groups=conv.in_channels)
            # The product for the point 1 goes once into each row, and takes the bias along.
            bias = conv.bias if bool((output == 1).all()) else None
            product = _conv(weight.to(conv.weight), bias, padding=(0, 1))
            self.products.append(nn.Sequential(sums, product))

    def forward(self, x: Tensor) -> Tensor:
        products = [product(x) for product in self.products]
        rows = [F.relu(_weighted(products, factors)) for factors in self.outputs]
        # Each map has every `step`-th row: beside each other, they are all in their order. Channels
        # are last in memory, so neither `permute` moves anything.
        y = torch.cat(rows, dim=3).permute(0, 2, 3, 1)
        return y.reshape(y.shape[0], -1, x.shape[3], y.shape[3]).permute(0, 3, 1, 2)


def _weighted(maps: Sequence[Tensor], factors: Sequence[float]) -> Tensor:
    """Sum of the products, without those that need no work."""
    terms = [y if a == 1 else a * y for a, y in zip(factors, maps, strict=True) if a != 0]
    return reduce(torch.add, terms)


def winograd(outputs: int, taps: int, points: Sequence[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices A, G, B in float64 with A @ ((G @ w) * (B @ x)) = the correlation of x with w.

    Its i-th value is the sum of w[k] x[i + k]. This is the product of two polynomials, known by
    its values at `points` and at infinity, read backwards (Toom and Cook).

    Args:
        outputs: values of the result, m.
        taps: numbers in w, r.
        points: m + r - 2 different numbers.

    Returns:
        (m, n), (n, r) and (n, n), where n = m + r - 1.
    """

    def values(coefficients: int) -> Tensor:
        """From a polynomial to its values at the points and at infinity: its last coefficient."""
        finite = torch.vander(x, coefficients, increasing=True)
        return torch.cat([finite, torch.eye(coefficients, dtype=torch.float64)[-1:]])

    x = torch.tensor(points, dtype=torch.float64)
    # Multiples that make each row of B a polynomial with the leading coefficient 1.
    scale = (x[:, None] - x + torch.eye(len(x))).prod(dim=1)
    scale = torch.cat([scale, torch.ones(1)])[:, None]
    b = torch.linalg.inv(values(outputs + taps - 1)).T * scale
    return values(outputs).T, values(taps) / scale, b


def _conv(weight: Tensor, bias: Tensor | None, *, groups: int = 1, **shape: Any) -> nn.Conv2d:
    """A convolution with these weights, (out, in / groups, height, width)."""
    outputs, inputs, height, width = weight.shape
    conv = nn.Conv2d(
        groups * inputs, outputs, (height, width), groups=groups, bias=bias is not None, **shape
    )
    conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return conv
