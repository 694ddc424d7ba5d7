"""Build the operations of NDS's cells.

A convolution comes after a ReLU and before a batch normalisation. Layers are made in the order of
the authors' code, so that a seed gives the same weights as there. Class names matter too: the
published scores count a module once more if its class name contains ReLU.
"""

import torch
from torch import nn
from torch.nn import functional


class ReLUConvBN(nn.Sequential):
    """ReLU, 1×1 convolution, batch normalisation: (B, C_in, H, W) → (B, C_out, H, W)."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))


class FactorizedReduce(nn.Module):
    """Halves the resolution: (B, C_in, H, W) → (B, C_out, ⌈H/2⌉, ⌈W/2⌉), C_out even.

    Two 1×1 convolutions of stride 2; the second reads the pixels one row and one column further.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv_1 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(x)
        moved = functional.pad(x, (-1, 1, -1, 1))  # crops the first row and column, adds zeros
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(moved)], dim=1))


class Zero(nn.Module):
    """The operation `none`: a product with zero, which keeps the graph connected."""

    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0.0


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """Make operation `name`: (B, channels, H, W) → (B, channels, ⌈H/stride⌉, ⌈W/stride⌉).

    Args:
        name: one of `naswot.spaces.nds.genotypes.OPERATIONS`.
        channels: even where `stride` is 2.
        stride: 1 or 2.
    """
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    kind, _, size = name.rpartition("_")
    kernel = int(size[-1])
    match kind:
        case "avg_pool":
            return nn.AvgPool2d(kernel, stride, padding=kernel // 2, count_include_pad=False)
        case "max_pool":
            return nn.MaxPool2d(kernel, stride, padding=kernel // 2)
        case "conv":
            layers = _dense(channels, (kernel, kernel), (stride, stride))
        case "conv_3x1" | "conv_7x1":  # the 1×k convolution comes first
            layers = _dense(channels, (1, kernel), (1, stride))
            layers += _dense(channels, (kernel, 1), (stride, 1))
        case "sep_conv":
            return nn.Sequential(
                *_separable(channels, kernel, stride), *_separable(channels, kernel, 1)
            )
        case "dil_conv":
            return nn.Sequential(*_separable(channels, kernel, stride, dilation=2))
        case "dil_sep_conv":
            return nn.Sequential(
                *_separable(channels, kernel, stride, dilation=2),
                *_separable(channels, kernel, 1, dilation=2),
            )
        case _:
            raise ValueError(name)
    return nn.Sequential(nn.ReLU(), *layers, nn.BatchNorm2d(channels))


def _dense(channels: int, kernel: tuple[int, int], stride: tuple[int, int]) -> list[nn.Module]:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return [nn.Conv2d(channels, channels, kernel, stride, padding, bias=False)]


def _separable(channels: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    """Return the layers ReLU, depthwise convolution, 1×1 convolution, batch normalisation."""
    return [
        nn.ReLU(),
        nn.Conv2d(
            channels,
            channels,
            kernel,
            stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=channels,
            bias=False,
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]
