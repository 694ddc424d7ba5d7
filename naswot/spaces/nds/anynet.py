"""Build the ResNet, ResNeXt and Vanilla networks that NDS trained on CIFAR-10.

A network has a 3×3 stem, stages of equal blocks, global average pooling and a linear classifier.
The authors' code for them, the pip package pycls, is not used: its AnyNet (version 0.1.1) takes
settings of batch normalisation and in-place operations from a global configuration and needs
OpenCV and yacs, and it has no networks of cells.
"""

import torch
from torch import nn

from naswot.spaces.nds.stages import AnyNetwork, Stage


class ResidualBlock(nn.Module):
    """ReLU(x + f(x)): (B, c_in, H, W) → (B, width, H/stride, W/stride).

    f is two 3×3 convolutions, or a bottleneck of a 1×1, a grouped 3×3 and a 1×1 convolution.
    Where the shape changes a 1×1 convolution projects x.
    """

    def __init__(self, c_in: int, stage: Stage, stride: int):
        super().__init__()
        projects = c_in != stage.width or stride != 1
        self.shortcut = (
            nn.Sequential(*_conv_bn(c_in, stage.width, 1, stride)) if projects else nn.Identity()
        )
        layers = _bottleneck if stage.bottleneck else _basic
        self.branch = nn.Sequential(*layers(c_in, stage, stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.shortcut(x) + self.branch(x))


def _basic(c_in: int, stage: Stage, stride: int) -> list[nn.Module]:
    return [
        *_conv_bn(c_in, stage.width, 3, stride),
        nn.ReLU(inplace=True),
        *_conv_bn(stage.width, stage.width, 3),
    ]


def _bottleneck(c_in: int, stage: Stage, stride: int) -> list[nn.Module]:
    inner = stage.bottleneck
    return [
        *_conv_bn(c_in, inner, 1),
        nn.ReLU(inplace=True),
        *_conv_bn(inner, inner, 3, stride, groups=inner // stage.group_width),
        nn.ReLU(inplace=True),
        *_conv_bn(inner, stage.width, 1),
    ]


def _vanilla_block(c_in: int, stage: Stage, stride: int) -> nn.Module:
    """Return two 3×3 convolutions, each with batch normalisation and ReLU."""
    return nn.Sequential(*_basic(c_in, stage, stride), nn.ReLU(inplace=True))


def _conv_bn(
    c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
    ]


class Network(nn.Sequential):
    """Images (B, 3, H, W) → logits (B, classes).

    Convolutions are initialised as N(0, √(2/(k²·C_out))), the classifier as N(0, 0.01) with zero
    bias, in the order of the layers, after PyTorch's own initialisation, as in the authors' code.
    """

    def __init__(self, network: AnyNetwork, classes: int = 1):
        make = _vanilla_block if network.block == "vanilla_block" else ResidualBlock
        width = network.stem_width
        layers = [*_conv_bn(3, width, 3), nn.ReLU(inplace=True)]
        for stage in network.stages:
            for i in range(stage.depth):
                layers.append(make(width, stage, stage.stride if i == 0 else 1))
                width = stage.width
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
        self.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        std = (2 / (height * width * module.out_channels)) ** 0.5
        nn.init.normal_(module.weight, 0, std)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)
