"""A search space of your own: plain convolutional networks, with a condition.

    naswot search examples/own_space/space.py

Replace the choices and `build` by yours; docs/reference/search_spaces.md says what the file may
hold.
"""

from torch import nn

from naswot.spaces.graph import Block, Diagram, head

choices = {
    "depth": [2, 3, 4],
    "width": [16, 24, 32, 48],
    "kernel": [3, 5],
    "pooling": ["max", "average"],
    "last_kernel": [1, 3],
}
# Shallow networks have no last_kernel: `build` uses its default for them.
when = {"last_kernel": {"depth": [3, 4]}}

POOLINGS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def build(depth, width, kernel, pooling, last_kernel=1, classes=10):
    """Return an untrained network for images (B, 3, H, W) of at least 16 pixels."""
    kernels = [kernel] * (depth - 1) + [last_kernel]
    layers, channels = [], 3
    for number, side in enumerate(kernels):
        layers += [
            nn.Conv2d(channels, width, side, padding=side // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        if number < 2:
            layers.append(POOLINGS[pooling](2))
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


def diagram(depth, width, kernel, pooling, last_kernel=1):
    """Return what the network looks like on images of 32 × 32 pixels."""
    kernels = [kernel] * (depth - 1) + [last_kernel]
    blocks = []
    for number, side in enumerate(kernels):
        note = f"{pooling} pooling, ÷2" if number < 2 else ""
        blocks.append(Block(f"conv {side}×{side}", "cell", width, 32 >> min(number, 2), note=note))
    return Diagram("", "", cells=(), skeleton=(*blocks, *head(width)))
