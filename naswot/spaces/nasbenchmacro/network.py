"""Build a network of NAS-Bench-Macro: a stem, eight layers, a head and a classifier.

All activations are ReLUs. Attribute names and the order of construction are those of the
benchmark's code, so that a seed gives the same weights; they have PyTorch's default initialisation.
"""

from collections.abc import Sequence

import torch
from torch import nn

from naswot.spaces.nasbenchmacro.architecture import HEAD, STEM, Layer


class Identity(nn.Module):
    """A 1×1 convolution with batch normalisation, where an identity cannot keep the shape.

    (B, C_in, H, W) → (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    def __init__(self, layer: Layer):
        super().__init__()
        self.downsample = nn.Sequential(
            nn.Conv2d(layer.c_in, layer.c_out, 1, layer.stride, bias=False),
            nn.BatchNorm2d(layer.c_out),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.downsample(x)


class InvertedResidual(nn.Module):
    """Expand the channels, convolve each by itself, and project them to `layer.c_out` channels.

    (B, C_in, H, W) → (B, C_out, ⌈H/stride⌉, ⌈W/stride⌉). The input is added where shapes agree.
    """

    def __init__(self, layer: Layer):
        super().__init__()
        kernel = layer.operation.kernel
        inner = layer.c_in * layer.operation.expansion
        self.conv = nn.Sequential(
            nn.Conv2d(layer.c_in, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, kernel, layer.stride, kernel // 2, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, layer.c_out, 1, bias=False),
            nn.BatchNorm2d(layer.c_out),
        )
        self.adds = layer.stride == 1 and layer.c_in == layer.c_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return x + y if self.adds else y


def _module(layer: Layer) -> nn.Module:
    if layer.operation.kernel:
        return InvertedResidual(layer)
    return nn.Identity() if layer.stride == 1 else Identity(layer)


class Network(nn.Module):
    """Images (B, 3, H, W), of any size → logits (B, classes)."""

    def __init__(self, layers: Sequence[Layer], classes: int = 1):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, STEM, 3, padding=1, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(inplace=True),
        )
        self.features = nn.Sequential(*map(_module, layers))
        self.out = nn.Sequential(
            nn.Conv2d(layers[-1].c_out, HEAD, 1, bias=False),
            nn.BatchNorm2d(HEAD),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(HEAD, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.out(self.features(self.stem(images))).flatten(1))
