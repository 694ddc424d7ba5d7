"""Build the networks of TransNAS-Bench-101: a stem, modules of two cells each, and a classifier.

The stem halves the resolution twice. The head is that of the benchmark's classification tasks:
global average pooling and a linear layer. The order of construction and the initial weights are
those of yawen-d/TransNASBench, ``lib/models/net_infer/net_macro.py``, ``cell_micro.py`` and
``lib/models/net_ops/cell_ops.py``: a seed gives the same weights.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from naswot.spaces.nasbench201.network import ReLUConvBN
from naswot.spaces.transnas.architecture import EDGES, STEM, Architecture


class Zero(nn.Module):
    """The operation `none`: zeros (B, C_out, ⌈H/s⌉, ⌈W/s⌉), C_out a multiple of C_in.

    They are a product of the input, which keeps the graph connected.
    """

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.copies, self.stride = c_out // c_in, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zeros = x[:, :, :: self.stride, :: self.stride] * 0.0
        return zeros.repeat(1, self.copies, 1, 1) if self.copies > 1 else zeros


class FactorizedReduce(nn.Module):
    """A skip connection that changes the shape: (B, C_in, H, W) → (B, C_out, ⌈H/2⌉, ⌈W/2⌉).

    Two 1×1 convolutions of stride 2, the second one pixel to the right and below, give half of the
    channels each.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.relu = nn.ReLU(inplace=False)
        self.convs = nn.ModuleList(
            nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False) for _ in range(2)
        )
        self.pad = nn.ConstantPad2d((0, 1, 0, 1), 0)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(x)
        first, second = self.convs
        return self.bn(torch.cat([first(x), second(self.pad(x)[:, :, 1:, 1:])], dim=1))


class MicroCell(nn.Module):
    """Six operations between four nodes: (B, C_in, H, W) → (B, C_out, ⌈H/s⌉, ⌈W/s⌉).

    Edges that leave node 0 change the shape.
    """

    def __init__(self, operations: Sequence[str], c_in: int, c_out: int, stride: int):
        super().__init__()
        self.edges = nn.ModuleList(
            _operation(name, c_out, c_out, 1) if source else _operation(name, c_in, c_out, stride)
            for name, (source, _) in zip(operations, EDGES, strict=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nodes: list[torch.Tensor | Any] = [x, None, None, None]
        for edge, (source, target) in zip(self.edges, EDGES, strict=True):
            value = edge(nodes[source])
            nodes[target] = value if nodes[target] is None else nodes[target] + value
        return nodes[-1]


def _operation(name: str, c_in: int, c_out: int, stride: int) -> nn.Module:
    match name:
        case "nor_conv_1x1":
            return ReLUConvBN(c_in, c_out, 1, stride)
        case "nor_conv_3x3":
            return ReLUConvBN(c_in, c_out, 3, stride)
        case "skip_connect" if stride == 2:
            return FactorizedReduce(c_in, c_out)
        case "skip_connect" if c_in == c_out:
            return nn.Identity()
        case "none":
            return Zero(c_in, c_out, stride)
    raise ValueError(f"{name} from {c_in} to {c_out} channels with stride {stride}")


class BasicBlock(nn.Module):
    """x + f(x), f two 3×3 convolutions: (B, C_in, H, W) → (B, C_out, ⌈H/s⌉, ⌈W/s⌉).

    Where the shape changes a 1×1 convolution projects x.
    """

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.conv_a = ReLUConvBN(c_in, c_out, 3, stride)
        self.conv_b = ReLUConvBN(c_out, c_out, 3)
        projects = stride != 1 or c_in != c_out
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False),
                nn.BatchNorm2d(c_out),
            )
            if projects
            else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class Network(nn.Module):
    """Images (B, 3, H, W), of any size → logits (B, classes)."""

    def __init__(self, architecture: Architecture, classes: int = 1):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, STEM // 2, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(STEM // 2),
            ReLUConvBN(STEM // 2, STEM, 3, stride=2),
        )
        self.cells = nn.Sequential()
        width = STEM
        for channels, stride in architecture.modules:
            for shape in ((width, channels, stride), (channels, channels, 1)):
                self.cells.append(
                    BasicBlock(*shape)
                    if architecture.operations is None
                    else MicroCell(architecture.operations, *shape)
                )
            width = channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(width, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.cells(self.stem(images))
        return self.head(self.avgpool(x).flatten(1))
