"""Build the network of a NAS-Bench-101 cell.

It has a 3×3 stem, three stacks of three cells, 2×2 max-pooling between the stacks, where the
channels double, then global average pooling and a linear classifier. The benchmark trained
networks with 128 stem channels; the paper scores them with 16.

The order of construction and the initialisation are those of the authors' code, so that a seed
gives the same weights as there: convolutions N(0, √(2/(k²·C_out))), the classifier N(0, 0.01).
"""

import math

import torch
from torch import nn

from naswot.spaces.nasbench101.cells import Cell, vertex_channels

STACKS = 3
CELLS_PER_STACK = 3


def conv_bn_relu(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: (B, C_in, H, W) → (B, C_out, H, W)."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(inplace=True),
    )


def _operation(name: str, channels: int) -> nn.Module:
    match name:
        case "conv3x3-bn-relu":
            return conv_bn_relu(channels, channels, kernel=3)
        case "conv1x1-bn-relu":
            return conv_bn_relu(channels, channels, kernel=1)
        case "maxpool3x3":
            return nn.MaxPool2d(3, stride=1, padding=1)
    raise ValueError(name)


class CellModule(nn.Module):
    """One pruned cell: (B, C_in, H, W) → (B, C_out, H, W).

    A vertex sums its inputs. An input from the cell's input is projected by a 1×1 convolution; an
    input from a wider vertex loses its last channels. The output concatenates the vertices that
    feed it, and adds the projected cell input if that feeds it too.
    """

    def __init__(self, cell: Cell, c_in: int, c_out: int):
        super().__init__()
        self.cell = cell
        self.channels = vertex_channels(cell, c_in, c_out)
        size = len(cell.operations)
        self.operations = nn.ModuleDict(
            {
                str(vertex): _operation(cell.operations[vertex], self.channels[vertex])
                for vertex in range(1, size - 1)
            }
        )
        self.projections = nn.ModuleDict(
            {
                str(vertex): conv_bn_relu(c_in, self.channels[vertex], kernel=1)
                for vertex in range(1, size)
                if cell.matrix[0][vertex]
            }
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = len(self.channels) - 1
        vertices: dict[int, torch.Tensor] = {}
        for vertex in range(1, last):
            fed = [
                vertices[source][:, : self.channels[vertex]]
                for source in self.cell.sources(vertex)
                if source
            ]
            if str(vertex) in self.projections:
                fed.append(self.projections[str(vertex)](x))
            vertices[vertex] = self.operations[str(vertex)](sum(fed[1:], start=fed[0]))
        ends = [vertices[source] for source in self.cell.sources(last) if source]
        if not ends:
            return self.projections[str(last)](x)
        output = ends[0] if len(ends) == 1 else torch.cat(ends, dim=1)
        return output + self.projections[str(last)](x) if str(last) in self.projections else output


class Network(nn.Module):
    """Images (B, 3, H, W), H and W at least 4 → logits (B, classes)."""

    def __init__(self, cell: Cell, stem: int, classes: int):
        super().__init__()
        layers: list[nn.Module] = [conv_bn_relu(3, stem, kernel=3)]
        width = stem
        for stack in range(STACKS):
            if stack:
                layers.append(nn.MaxPool2d(2, stride=2))
            for number in range(CELLS_PER_STACK):
                c_in, width = width, 2 * width if stack and number == 0 else width
                layers.append(CellModule(cell, c_in, width))
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, classes)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, 0.0, math.sqrt(2 / fan_out))
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0.0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.layers(images).mean((2, 3)))
