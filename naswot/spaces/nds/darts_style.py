"""Build the networks of cells that NDS trained on CIFAR-10 and ImageNet (Liu et al., DARTS, 2019).

A network stacks normal and reduction cells. The reduction cells, at one and two thirds of the
depth, halve the resolution and double the channels. Every cell reads the outputs of the two cells
before it.
"""

from typing import Any

import torch
from torch import nn

from naswot.spaces.nds import genotypes
from naswot.spaces.nds.operations import FactorizedReduce, ReLUConvBN, operation


class Cell(nn.Module):
    """One cell of nodes with `channels` channels each.

    Takes the outputs of the two cells before it: (B, c_before, 2H, 2W) if the last one reduced,
    else (B, c_before, H, W); and (B, c_last, H, W). Returns (B, C, H/s, W/s), where C is `channels`
    times the number of nodes in the output, and s is 2 if the cell reduces, else 1.
    """

    def __init__(
        self,
        cell: genotypes.Cell,
        c_before: int,
        c_last: int,
        channels: int,
        reduces: bool,
        last_reduced: bool,
    ):
        super().__init__()
        first = FactorizedReduce if last_reduced else ReLUConvBN
        self.preprocess0 = first(c_before, channels)
        self.preprocess1 = ReLUConvBN(c_last, channels)
        self.operations = nn.ModuleList(
            operation(name, channels, stride=2 if reduces and source < 2 else 1)
            for name, source in cell.edges
        )
        self.sources = [source for _, source in cell.edges]
        self.concat = cell.concat
        self.channels = channels * len(cell.concat)

    def forward(self, before: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        nodes = [self.preprocess0(before), self.preprocess1(last)]
        for i in range(0, len(self.sources), 2):
            left, right = (self.operations[k](nodes[self.sources[k]]) for k in (i, i + 1))
            nodes.append(left + right)
        return torch.cat([nodes[node] for node in self.concat], dim=1)


class CifarStem(nn.Module):
    """A 3×3 convolution, read by both inputs of the first cell: (B, 3·width, H, W)."""

    def __init__(self, width: int):
        super().__init__()
        self.channels = 3 * width
        self.conv = nn.Conv2d(3, self.channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(self.channels)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.bn(self.conv(images))
        return x, x


class ImageNetStem(nn.Module):
    """Three 3×3 convolutions of stride 2: (B, width, H/4, W/4) and (B, width, H/8, W/8)."""

    def __init__(self, width: int):
        super().__init__()
        self.channels = width
        self.stem0 = nn.Sequential(
            nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        # The ReLU is in place, so input 0 of the first cell is rectified too.
        self.stem1 = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem0(images)
        return x, self.stem1(x)


class Network(nn.Module):
    """Images (B, 3, H, W) → logits (B, classes).

    Some networks were trained with an auxiliary head. It is left out, as the logits do not depend
    on it. Path dropout is left out too, as scoring turns it off.
    """

    def __init__(self, network: genotypes.CellNetwork, classes: int = 1):
        super().__init__()
        self.stem = (ImageNetStem if network.imagenet else CifarStem)(network.width)
        reductions = (network.depth // 3, 2 * network.depth // 3)
        c_before = c_last = self.stem.channels
        channels, last_reduced = network.width, network.imagenet
        self.cells = nn.ModuleList()
        for i in range(network.depth):
            reduces = i in reductions
            channels *= 2 if reduces else 1
            kind = network.reduce if reduces else network.normal
            cell = Cell(kind, c_before, c_last, channels, reduces, last_reduced)
            self.cells.append(cell)
            c_before, c_last, last_reduced = c_last, cell.channels, reduces
        self.pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(c_last, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        before, last = self.stem(images)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return self.classifier(self.pooling(last).flatten(1))

    def auxiliary_params(self, classes: int) -> int:
        """Return the number of parameters of an auxiliary head.

        It reads the output of the second reduction cell: a 1×1 convolution to 128 channels, a 2×2
        one to 768, each with batch normalisation (on ImageNet only the first), and a linear layer.
        """
        channels: Any = self.cells[2 * len(self.cells) // 3].channels
        normalised = 128 if isinstance(self.stem, ImageNetStem) else 128 + 768
        return channels * 128 + 4 * 128 * 768 + 2 * normalised + (768 + 1) * classes
