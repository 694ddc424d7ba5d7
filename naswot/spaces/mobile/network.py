"""Build a mobile network: a stem, stages of inverted residual blocks, a head and a classifier.

Weights have PyTorch's default initialisation.
"""

from collections import OrderedDict

import torch
from torch import nn

from naswot.spaces.mobile.architecture import Architecture, Stage

ACTIVATIONS = {"relu": nn.ReLU, "hswish": nn.Hardswish}
SQUEEZE = 4  # expanded channels / channels that squeeze-and-excitation squeezes them to


class ConvBN(nn.Sequential):
    """Convolution, batch normalisation, activation if one is named.

    (B, C_in, H, W) → (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        activation: str | None = None,
    ):
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv=nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
            bn=nn.BatchNorm2d(c_out),
        )
        if activation is not None:
            layers["act"] = ACTIVATIONS[activation](inplace=True)
        super().__init__(layers)


class SqueezeExcitation(nn.Module):
    """Scale each channel by a number from 0 to 1 that depends on the means of all channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, channels // SQUEEZE, 1)
        self.act = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(channels // SQUEEZE, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(self.expand(self.act(self.reduce(self.pool(x)))))


class InvertedResidual(nn.Module):
    """Expand the channels, convolve each by itself, and project them to `stage.width` channels.

    (B, C_in, H, W) → (B, width, ⌈H/stride⌉, ⌈W/stride⌉). The input is added where shapes agree.
    """

    def __init__(self, c_in: int, stage: Stage, stride: int, activation: str):
        super().__init__()
        inner = c_in * stage.expansion
        self.expand = ConvBN(c_in, inner, 1, activation=activation)
        self.depthwise = ConvBN(
            inner, inner, stage.kernel, stride, groups=inner, activation=activation
        )
        self.squeeze = SqueezeExcitation(inner) if stage.squeezes else nn.Identity()
        self.project = ConvBN(inner, stage.width, 1)
        self.adds = stride == 1 and c_in == stage.width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.squeeze(self.depthwise(self.expand(x))))
        return x + y if self.adds else y


class Network(nn.Module):
    """Images (B, 3, H, W), of any size → logits (B, classes)."""

    def __init__(self, architecture: Architecture, classes: int = 1):
        super().__init__()
        activation, width = architecture.activation, architecture.stem
        self.stem = ConvBN(3, width, 3, architecture.stem_stride, activation=activation)
        self.stages = nn.Sequential()
        for stage in architecture.stages:
            blocks = nn.Sequential()
            for number in range(stage.depth):
                stride = stage.stride if number == 0 else 1
                blocks.append(InvertedResidual(width, stage, stride, activation))
                width = stage.width
            self.stages.append(blocks)
        self.head = ConvBN(width, architecture.head, 1, activation=activation)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(architecture.head, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.head(self.stages(self.stem(images)))
        return self.classifier(self.pool(x).flatten(1))
