"""Search a space of one's own with shared weights, on digits.

python examples/weight_sharing.py
"""

import torch
from torch import nn

from naswot.images.labelled import divide
from naswot.supernet import METHODS
from naswot.supernet.cells import CellSpace
from naswot.supernet.loop import share
from naswot.supernet.protocol import PUBLISHED, changed
from naswot.training.images import Data


def convolution(kernel, groups=False):
    """Return a function of the number of channels that makes a convolution."""

    def make(channels):
        padding, split = kernel // 2, channels if groups else 1
        conv = nn.Conv2d(channels, channels, kernel, padding=padding, groups=split, bias=False)
        return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(channels))

    return make


def network(cell, classes):
    """Return a network that repeats a cell twice; `cell` makes one of a number of channels."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), cell(8),
        nn.Conv2d(8, 16, 3, stride=2, padding=1), cell(16),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, classes),
    )  # fmt: skip


OPERATIONS = {
    "skip": lambda channels: nn.Identity(),
    "3x3": convolution(3),
    "5x5 depthwise": convolution(5, groups=True),
    "none": None,  # zeros
}
SPACE = CellSpace(
    name="mine",
    edges=[(0, 1), (0, 2), (1, 2)],
    operations=OPERATIONS,
    network=network,
    architecture=lambda genes: ", ".join(list(OPERATIONS)[gene] for gene in genes),
)

if __name__ == "__main__":
    data = Data.of(divide("digits", None, 8, 0, 500, 500), torch.device("cpu"))
    for method in ("rsps", "darts_v1", "gdas"):
        protocol = changed(
            PUBLISHED[method], {"epochs": 10, "architecture_rate": 0.02, "augment": False}
        )
        found = share(SPACE, data, method, protocol, seed=0)
        print(f"{METHODS[method].title}: {found.architecture}, {found.seconds:.0f} s")
