"""A small custom search space: plain convolutional networks such as ``d3-w16-k3``.

Depth (1–4 convolutions), width (4–32 channels) and kernel (1, 3 or 5) vary.
"""

from itertools import product

from torch import nn

from naswot.spaces.graph import Block, Diagram, head, stacked

CHOICES = (1, 2, 4), (4, 8, 16, 32), (1, 3, 5)
ARCHITECTURES = [f"d{depth}-w{width}-k{kernel}" for depth, width, kernel in product(*CHOICES)]


def genes(arch: str) -> tuple[int, ...]:
    """Return the choices that make up `arch`, for searches: depth, width and kernel."""
    return tuple(int(part[1:]) for part in arch.split("-"))


def diagram(arch: str) -> Diagram:
    """Return what the network of `arch` looks like, for `naswot draw`: no cells, only blocks."""
    depth, width, kernel = genes(arch)
    size, blocks = 32, []
    for number in range(depth):
        halves = ", ÷2" if number % 2 else ""
        size //= 2 if halves else 1
        blocks.append(Block(f"conv {kernel}×{kernel}{halves}", "cell", width, size))
    return Diagram("Plain networks", arch, cells=(), skeleton=stacked(blocks + head(width)))


def build(arch: str, classes: int) -> nn.Module:
    """Return the untrained network of `arch`; it takes images (B, 3, H, W)."""
    depth, width, kernel = genes(arch)
    layers, channels = [], 3
    for number in range(depth):
        stride = 2 if number % 2 else 1
        layers += [
            nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
