"""The network of `naswot.spaces.nasbench101.network` as direct calls of operations.

Cells are pruned, so the output depends on every ReLU. `do` stands for
`naswot.scores.fused.operations.Operations`.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from naswot.scores.plan import Plan
from naswot.spaces.nasbench101.cells import Cell, vertex_channels
from naswot.spaces.nasbench101.network import CELLS_PER_STACK, STACKS

KERNELS = {"conv3x3-bn-relu": 3, "conv1x1-bn-relu": 1}


def plan(cell: Cell, stem: int, classes: int = 1) -> Plan:
    """Return the plan of `network.Network`."""
    return Plan(partial(_network, cell, stem, classes))


def _network(cell: Cell, stem: int, classes: int, do: Any, images: torch.Tensor) -> torch.Tensor:
    widths = [(stem << max(0, stack - 1), stem << stack) for stack in range(STACKS)]
    cells = [
        (width if number else c_in, width)
        for c_in, width in widths
        for number in range(CELLS_PER_STACK)
    ]
    shapes = [(stem, 3, 3), *(shape for both in cells for shape in _convolutions(cell, *both))]
    shapes.append((classes, cells[-1][1], 1))
    deviations = [math.sqrt(2 / (k * k * c_out)) for c_out, _, k in shapes[:-1]]
    weights = iter(do.normal_weights(shapes, [*deviations, 0.01], first_drawn=classes))
    x = _conv_bn_relu(do, images, next(weights))
    for number, both in enumerate(cells):
        if number and number % CELLS_PER_STACK == 0:
            x = do.max_pool(x, 2, stride=2)
        x = _cell(do, cell, x, vertex_channels(cell, *both), weights)
    mean = do.computed(x).mean((2, 3))
    return mean @ next(weights).flatten(1).t()


def _convolutions(cell: Cell, c_in: int, c_out: int) -> Iterator[tuple[int, int, int]]:
    """Yield output channels, input channels and kernel of a cell's convolutions."""
    channels = vertex_channels(cell, c_in, c_out)
    for name, width in zip(cell.operations[1:-1], channels[1:-1], strict=True):
        if name in KERNELS:
            yield width, width, KERNELS[name]
    for fed, width in zip(cell.matrix[0], channels, strict=True):
        if fed:
            yield width, c_in, 1


def _cell(do: Any, cell: Cell, x: Any, channels: list[int], weights: Iterator[torch.Tensor]) -> Any:
    last = len(channels) - 1
    own = {n: next(weights) for n in range(1, last) if cell.operations[n] in KERNELS}
    projections = {n: next(weights) for n in range(1, last + 1) if cell.matrix[0][n]}
    vertices: dict[int, Any] = {}
    for vertex in range(1, last):
        fed = [vertices[n][:, : channels[vertex]] for n in cell.sources(vertex) if n]
        if vertex in projections:
            fed.append(_conv_bn_relu(do, x, projections[vertex]))
        total = fed[0]
        for value in fed[1:]:
            total = do.add(total, value)
        if vertex in own:
            vertices[vertex] = _conv_bn_relu(do, total, own[vertex])
        else:
            vertices[vertex] = do.max_pool(total, 3, stride=1, padding=1)
    ends = [vertices[source] for source in cell.sources(last) if source]
    if not ends:
        return _conv_bn_relu(do, x, projections[last])
    output = ends[0] if len(ends) == 1 else torch.cat(ends, dim=1)
    return (
        do.add(output, _conv_bn_relu(do, x, projections[last])) if last in projections else output
    )


def _conv_bn_relu(do: Any, x: Any, weight: torch.Tensor) -> torch.Tensor:
    return do.relu(do.batch_norm(do.conv(x, weight)))
