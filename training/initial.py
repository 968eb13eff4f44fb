"""First values for the heads: the network begins as a ridge regression of the mean features.

HyperIQA's own layers can hold that regression, so nothing is added to the network. Of the vector
that the target network reads, the first 49 numbers sum to the regression's prediction; a 49th part
of each target weight matrix comes from one channel of the hyper network, so one bias is the weight
of all 49. In each layer every seventh row begins at the first of such a channel: these rows pass
the sum on. The rest is drawn at random and small: `OTHER` for what is the same for every crop,
`DYNAMIC` for what depends on it.

With the layers' default values the heads rated withheld images worse than the regression does
(docs/training.md). Scaling by what is seen on a sample: Mishkin & Matas, "All you need is a good
init", ICLR 2016.
"""

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from stages.common.hyperiqa.backbones import EfficientNetLite0
from stages.common.hyperiqa.network import CELLS as CHANNEL
from stages.common.hyperiqa.network import TARGET
from training.split import Heads

PENALTY = 300.0  # of the ridge regression, on standardised features
PASS = 0.7  # spread of a row that passes the prediction on; sigmoids are all but straight there
OTHER = 0.1  # spread of the other values, as a share of the prediction's
DYNAMIC = 0.02
STEP = 7  # rows from one that begins at a channel's first number to the next


def means(maps: list[Tensor]) -> Tensor:
    """The mean features of crops: maps (B, channels, h, w) to (B, 496)."""
    return torch.cat([m.mean(dim=(2, 3)) for m in maps], dim=1)


def ridge(features: Tensor, labels: Tensor) -> Tensor:
    """The weights (F,) of a ridge regression from features (N, F) to labels (N,), both centred."""
    x, y = features.double(), labels.double()
    std = x.std(0) + 1e-6
    x = (x - x.mean(0)) / std
    penalty = PENALTY * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    weights: Tensor = torch.linalg.solve(x.T @ x + penalty, x.T @ (y - y.mean())) / std
    return weights.float()


@torch.no_grad()
def initialise(network: Heads, cells: Tensor, labels: Tensor, weights: Tensor) -> None:
    """Set the heads' values. Draws from torch's global generator.

    Args:
        cells: (B, 18304), one crop of each of a few hundred images.
        labels: (B,), of those images.
        weights: (496,), those of the regression.
    """
    maps = network.maps(cells)
    parts = torch.split(weights, list(EfficientNetLite0.channels))
    spread = OTHER * labels.std()
    v = torch.cat(
        [
            _predict(m, x, w, spread)
            for m, x, w in zip(network.distortion, maps, parts, strict=True)
        ],
        dim=1,
    )
    first = cast(nn.Conv2d, network.hyper[0])
    seen = first(maps[3]).movedim(1, -1).flatten(0, -2)
    _scale(first, 1 / seen.std(0), -seen.mean(0) / seen.std(0))
    h = network.hyper(maps[3])
    pooled = h.mean(dim=(2, 3))
    *biases, last_bias = (cast(nn.Linear, layer) for layer in network.biases)
    q = v
    for conv, bias, shape in zip(network.weights, biases, pairwise(TARGET), strict=True):
        q = _pass_on(cast(nn.Conv2d, conv), bias, shape, h, q)
    total = q[:, ::STEP].sum(1) - q[:, ::STEP].sum(1).mean()
    slope = (total @ (labels - labels.mean())) / (total @ total)
    last = OTHER / 2 * slope * torch.randn(TARGET[-1], device=q.device)
    last[::STEP] = slope
    _settle(network.last_weight, pooled, DYNAMIC / 5 * slope.abs(), last)
    score = (network.last_weight(pooled) * q).sum(1)
    _settle(last_bias, pooled, torch.tensor(0.01), (labels.mean() - score.mean()).view(1))


def _predict(module: nn.Module, x: Tensor, weights: Tensor, spread: Tensor) -> Tensor:
    """Let a local distortion module's first outputs sum to its map's part of the prediction."""
    linear = cast(nn.Linear, module.linear)
    inputs = torch.nn.functional.avg_pool2d(x, STEP)
    if module.reduce is None:
        row, count = weights.clone(), 1
        inputs = inputs.flatten(1)
    else:
        kernel = cast(nn.Conv2d, module.reduce).weight  # (reduced, channels, 1, 1)
        length = kernel[1:].flatten(1).norm(dim=1).mean()
        kernel[0] = (weights / weights.norm() * length)[:, None, None]
        side = inputs.shape[-1]
        inputs = cast(nn.Conv2d, module.reduce)(inputs).flatten(1)
        row, count = torch.zeros_like(linear.weight[0]), linear.out_features
        row[: side * side] = weights.norm() / length / (side * side)
    seen = linear(inputs)
    _scale(linear, spread / seen.std(0), -seen.mean(0) * spread / seen.std(0))
    linear.weight[0] = row - linear.weight[1:count].sum(0)
    linear.bias[0] = -(row @ inputs.mean(0)) - linear.bias[1:count].sum()
    return linear(inputs)


def _pass_on(
    conv: nn.Conv2d, bias: nn.Linear, shape: tuple[int, int], h: Tensor, q: Tensor
) -> Tensor:
    """Set what makes one layer of the target network; gives that layer's output for inputs `q`."""
    inputs, outputs = shape

    def applied() -> Tensor:
        matrix = conv(h).flatten(1).unflatten(1, (outputs, inputs))
        return torch.bmm(matrix, q.unsqueeze(2)).squeeze(2)

    cast(Tensor, conv.bias).zero_()
    conv.weight *= DYNAMIC * PASS / applied().std(0).mean()
    random = OTHER * PASS / math.sqrt(inputs) / q.std(0).mean()
    cast(Tensor, conv.bias).copy_(random * torch.randn(conv.out_channels))
    for row in range(0, outputs, STEP):
        channel = row * inputs // CHANNEL
        conv.bias[channel : channel + max(1, inputs // CHANNEL)] = 0
        conv.bias[channel] = PASS / q[:, :CHANNEL].sum(1).std()
    before = applied()
    pooled = h.mean(dim=(2, 3))
    _settle(bias, pooled, torch.tensor(DYNAMIC * PASS), -before.mean(0))
    return torch.sigmoid(before + bias(pooled))


def _scale(layer: nn.Linear | nn.Conv2d, factor: Tensor, shift: Tensor) -> None:
    """Make a layer's outputs `factor` times what they are, plus `shift`, each (channels,)."""
    layer.weight *= factor.reshape(-1, *[1] * (layer.weight.dim() - 1))
    bias = cast(Tensor, layer.bias)
    bias.copy_(bias * factor + shift)


def _settle(layer: nn.Linear, inputs: Tensor, spread: Tensor, mean: Tensor) -> None:
    """Give a layer outputs of this spread over crops, and of this mean for each output."""
    layer.weight *= spread / (inputs @ layer.weight.T).std()
    layer.bias.copy_(mean - layer.weight @ inputs.mean(0))
