"""Build a ResNet-like network: a stem, four stages of residual blocks and a classifier.

Weights have PyTorch's default initialisation.
"""

from collections import OrderedDict

import torch
from torch import nn

from naswot.spaces.resnet.architecture import BASIC, Architecture, Stage


class ConvBN(nn.Sequential):
    """Convolution, batch normalisation, and ReLU unless `rectifies` is False.

    (B, C_in, H, W) → (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        rectifies: bool = True,
    ):
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv=nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
            bn=nn.BatchNorm2d(c_out),
        )
        if rectifies:
            layers["relu"] = nn.ReLU(inplace=True)
        super().__init__(layers)


class ResidualBlock(nn.Module):
    """ReLU(x + f(x)): (B, C_in, H, W) → (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉).

    f is two k × k convolutions, or a bottleneck of a 1×1, a k × k and a 1×1 convolution. Where the
    shape changes a 1×1 convolution projects x.
    """

    def __init__(self, c_in: int, stage: Stage, stride: int):
        super().__init__()
        width, kernel, c_out = stage.width, stage.kernel, stage.channels
        if stage.block == BASIC:
            self.branch = nn.Sequential(
                ConvBN(c_in, width, kernel, stride),
                ConvBN(width, c_out, kernel, rectifies=False),
            )
        else:
            self.branch = nn.Sequential(
                ConvBN(c_in, width, 1),
                ConvBN(width, width, kernel, stride, stage.groups),
                ConvBN(width, c_out, 1, rectifies=False),
            )
        projects = stride != 1 or c_in != c_out
        self.shortcut = (
            ConvBN(c_in, c_out, 1, stride, rectifies=False) if projects else nn.Identity()
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.shortcut(x) + self.branch(x))


class Network(nn.Module):
    """Images (B, 3, H, W), of any size → logits (B, classes)."""

    def __init__(self, architecture: Architecture, classes: int = 1):
        super().__init__()
        width, halvings = architecture.stem, architecture.halvings
        self.stem = nn.Sequential(ConvBN(3, width, 3, stride=2 if halvings else 1))
        if halvings == 2:
            self.stem.append(nn.MaxPool2d(3, stride=2, padding=1))
        self.stages = nn.Sequential()
        for stage in architecture.stages:
            blocks = nn.Sequential()
            for number in range(stage.depth):
                blocks.append(ResidualBlock(width, stage, stage.stride if number == 0 else 1))
                width = stage.channels
            self.stages.append(blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.stages(self.stem(images))
        return self.classifier(self.pool(x).flatten(1))
