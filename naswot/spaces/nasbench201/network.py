"""Build the networks of NAS-Bench-201 and of NATS-Bench: one cell, repeated.

A network has a 3×3 stem, three stages of cells, a residual block that halves the resolution before
the second and the third stage, then batch normalisation, ReLU, global average pooling and a linear
classifier. In NAS-Bench-201 a stage is five cells, with 16, 32 and 64 channels. In the size space
of NATS-Bench a stage is one cell, and each cell and residual block has its own number of channels.

Attribute names and the order of construction are those of the benchmark, so that published weights
can be loaded and a seed gives the same weights as the authors' code.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from naswot.spaces.nasbench201.cells import EDGES

# Channels of the stages, and of the residual blocks between them.
TOPOLOGY = [[16] * 5, [32] * 5, [64] * 5], [32, 64]


class ReLUConvBN(nn.Module):
    """ReLU, convolution, batch normalisation: (B, C_in, H, W) → (B, C_out, H/stride, W/stride)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1):
        super().__init__()
        self.kernel = kernel
        self.op = nn.Sequential(
            nn.ReLU(inplace=False),
            nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(c_out),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.op(x)


class Zero(nn.Module):
    """The operation `none`: a product with zero, which keeps the graph connected."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 0.0


# torch 2.4 does not tell exporting from compiling.
_is_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)


class AveragePool3x3(nn.Module):
    """3×3 average pooling, stride 1; padding is not part of the average."""

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return average_pool_3x3(x, self.channels)


def average_pool_3x3(x: torch.Tensor, channels: int) -> torch.Tensor:
    """Return the averages of `x` (B, channels, H, W) over 3×3 pixels, without the padding."""
    # An exported network is to run anywhere, and to have one operation here.
    elsewhere = x.device.type != "cpu" or _is_exporting()
    if elsewhere or min(x.shape[-2:]) < 2:
        return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    # On a CPU a depthwise convolution is much faster than the pooling kernel. It divides by 9
    # everywhere; the border averages fewer pixels, so it is scaled up.
    kernel = x.new_full((channels, 1, 3, 3), 1 / 9)
    pooled = functional.conv2d(x, kernel, padding=1, groups=channels)
    for border in (pooled[..., :1, :], pooled[..., -1:, :], pooled[..., :1], pooled[..., -1:]):
        border.mul_(1.5)
    return pooled


class FactorizedReduce(nn.Module):
    """A skip connection that changes the number of channels: 1×1 convolution, batch normalisation.

    The benchmark's module also has a ReLU that is never called at this stride; it is left out.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x))


class Cell(nn.Module):
    """One cell: six operations between four nodes, (B, C_in, H, W) → (B, C_out, H, W).

    Edges that leave node 0 change the number of channels from C_in to C_out. Only convolutions and
    skip connections can do that.
    """

    def __init__(self, operations: Sequence[str], c_in: int, c_out: int):
        super().__init__()
        self.layers = nn.ModuleList(
            operation(name, c_out if source else c_in, c_out)
            for name, (source, _) in zip(operations, EDGES, strict=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nodes: list[torch.Tensor | Any] = [x, None, None, None]
        for layer, (source, target) in zip(self.layers, EDGES, strict=True):
            value = layer(nodes[source])
            nodes[target] = value if nodes[target] is None else nodes[target] + value
        return nodes[-1]


def operation(name: str, c_in: int, c_out: int) -> nn.Module:
    """Return an operation of a cell, (B, c_in, H, W) → (B, c_out, H, W).

    Raises:
        ValueError: there is no such operation, or it cannot change the number of channels.
    """
    match name:
        case "nor_conv_1x1":
            return ReLUConvBN(c_in, c_out, kernel=1)
        case "nor_conv_3x3":
            return ReLUConvBN(c_in, c_out, kernel=3)
        case "skip_connect":
            return nn.Identity() if c_in == c_out else FactorizedReduce(c_in, c_out)
        case "none" if c_in == c_out:
            return Zero()
        case "avg_pool_3x3" if c_in == c_out:
            return AveragePool3x3(c_in)
    raise ValueError(f"{name} from {c_in} to {c_out} channels")


class Reduction(nn.Module):
    """The residual block between stages: doubles the channels, halves the resolution."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv_a = ReLUConvBN(c_in, c_out, kernel=3, stride=2)
        self.conv_b = ReLUConvBN(c_out, c_out, kernel=3)
        self.downsample = nn.Sequential(
            nn.AvgPool2d(2, stride=2), nn.Conv2d(c_in, c_out, 1, bias=False)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.downsample(x) + self.conv_b(self.conv_a(x))


class Network(nn.Module):
    """Images (B, 3, H, W), H and W divisible by 4 → logits (B, classes).

    Args:
        cell: (channels of its input, channels of its output) → a cell.
        stages: the channels of the cells of each of the three stages.
        reductions: the channels of the residual blocks between them.
        classes: number of outputs.
    """

    def __init__(
        self,
        cell: Callable[[int, int], nn.Module],
        stages: Sequence[Sequence[int]],
        reductions: Sequence[int],
        classes: int = 1,
    ):
        super().__init__()
        width = stages[0][0]
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )
        self.cells = nn.ModuleList()
        for stage, channels in enumerate(stages):
            if stage:
                self.cells.append(Reduction(width, reductions[stage - 1]))
                width = reductions[stage - 1]
            for c_out in channels:
                self.cells.append(cell(width, c_out))
                width = c_out
        self.lastact = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.stem(images)
        for cell in self.cells:
            x = cell(x)
        return self.classifier(self.global_pooling(self.lastact(x)).flatten(1))


def topology_network(operations: Sequence[str], classes: int = 1) -> Network:
    """Return the network of a cell in the skeleton of NAS-Bench-201."""
    return Network(partial(Cell, operations), *TOPOLOGY, classes)


def size_network(operations: Sequence[str], channels: Sequence[int], classes: int = 1) -> Network:
    """Return the network of five `channels` in the skeleton of NATS-Bench's size space."""
    return Network(partial(Cell, operations), *size_skeleton(channels), classes)


def size_skeleton(channels: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """Return the channels of the stages and of the residual blocks between them."""
    first, down, second, down_again, third = channels
    return [[first], [second], [third]], [down, down_again]
