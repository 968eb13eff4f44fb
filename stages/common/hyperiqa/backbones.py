"""The backbones of HyperIQA: crops in, four feature maps out.

Sources: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; EfficientNet-Lite0,
Apache-2.0, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class Backbone(nn.Module):
    """A network that gives four feature maps, at strides 4, 8, 16 and 32."""

    channels: tuple[int, int, int, int]  # of the four maps
    hyper_widths: tuple[int, ...]  # of the layers between the last map and the hyper feature
    mean: tuple[float, float, float]  # of the input, RGB in 0..255
    std: tuple[float, float, float]


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
