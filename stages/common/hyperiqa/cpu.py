"""A folded network's backbone, rewritten for CPUs: the same scores up to rounding, in less time.

There are three changes; bench/README.md has the time that they save:

- ResNet-50's 3x3 convolutions of stride 1 need 43 to 50% of their multiplications (`RowWinograd`).
- Where a block's shortcut is a convolution, it and the block's last convolution become one.
- The first maps are the largest. They are computed one crop at a time, so that caches hold them.

All of this is made of plain layers, which OpenVINO compiles like any others.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.common.hyperiqa.backbones import Backbone, Bottleneck, EfficientNetLite0, ResNet50
from stages.common.hyperiqa.network import GRIDS

# By the number of output rows that are computed at once, the points for `winograd`. Each map's
# height is a multiple of 4 or 7. With these points float32 holds the matrix B exactly. A layer's
# rounding error is 2 times (4 rows) and 6 times (7 rows) that of a plain convolution, which no
# longer shows in the score.
POINTS = {4: (0, 1, -1, 2, -2), 7: (1, -1, 2, -2, 0.75, -0.75, 0.25, -0.25)}


class CpuBackbone(Backbone):
    """A folded backbone, rewritten for CPUs. Its first part takes the crops one by one."""

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
    """The layers up to the first map, then those from each map to the next."""
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
            # Takes every other pixel. A slice does the same, but is slow in OpenVINO.
            self.subsample = nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()
            self.expand = _joined(block.expand.conv, block.shortcut.conv)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(F.relu(self.reduce(x)))
        if self.joins:
            return F.relu(self.expand(torch.cat([y, self.subsample(x)], dim=1)))
        return F.relu(self.expand(y) + x)


def _joined(one: Any, other: Any) -> nn.Conv2d:
    """The sum of two 1x1 convolutions as one, of both inputs' channels."""
    return _conv(torch.cat([one.weight, other.weight], dim=1), one.bias + other.bias)


class RowWinograd(nn.Module):
    """A 3x3 convolution of stride 1 and padding 1, then ReLU, on maps of `height` rows.

    Each output row is the sum of three input rows, each convolved along its length, so `m` output
    rows take 3 m convolutions. Winograd's method takes m + 2: it convolves m + 2 weighted sums of
    input rows, and each output row is a weighted sum of the results. It is applied to rows alone
    and not to columns, because its sums are then large layers, which OpenVINO runs well.

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
            # The point 1 has the factor 1 in each output row, so its product brings the bias.
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
    """The sum of `factors[i] * maps[i]`, skipping factors of 0 and not multiplying by 1."""
    terms = [y if a == 1 else a * y for a, y in zip(factors, maps, strict=True) if a != 0]
    return reduce(torch.add, terms)


def winograd(outputs: int, taps: int, points: Sequence[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices A, G, B in float64 with A @ ((G @ w) * (B @ x)) = the correlation of x with w.

    Its i-th value is the sum over k of w[k] x[i + k]. Toom and Cook: the product of two polynomials
    is known by its values at `points` and at infinity, which gives matrices for the product; the
    correlation has their transposes.

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
