"""The networks of `naswot.spaces.nasbench201.network` as direct calls of operations.

Every edge of a cell leads to the next nodes, so the output depends on every ReLU. `do` stands for
`naswot.scores.fused.operations.Operations`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from naswot.scores.plan import Plan
from naswot.spaces.nasbench201.cells import EDGES
from naswot.spaces.nasbench201.network import TOPOLOGY, average_pool_3x3, size_skeleton


def topology_plan(operations: Sequence[str], classes: int = 1) -> Plan:
    """Return the plan of `network.topology_network`."""
    return Plan(partial(_network, operations, *TOPOLOGY, classes))


def size_plan(operations: Sequence[str], channels: Sequence[int], classes: int = 1) -> Plan:
    """Return the plan of `network.size_network`."""
    return Plan(partial(_network, operations, *size_skeleton(channels), classes))


def _network(
    operations: Sequence[str],
    stages: Sequence[Sequence[int]],
    reductions: Sequence[int],
    classes: int,
    do: Any,
    images: torch.Tensor,
) -> torch.Tensor:
    width = stages[0][0]
    x = do.batch_norm(do.conv(images, do.weight(width, 3, 3)))
    for stage, channels in enumerate(stages):
        if stage:
            x = _reduction(do, x, width, reductions[stage - 1])
            width = reductions[stage - 1]
        for c_out in channels:
            x = _cell(do, operations, x, width, c_out)
            width = c_out
    last = do.relu(do.batch_norm(do.computed(x)))
    return do.linear(functional.adaptive_avg_pool2d(last, 1).flatten(1), classes)


def _cell(do: Any, operations: Sequence[str], x: Any, c_in: int, c_out: int) -> Any:
    nodes: list[Any] = [x, None, None, None]
    for name, (source, target) in zip(operations, EDGES, strict=True):
        value = _edge(do, name, nodes[source], c_out if source else c_in, c_out)
        known = nodes[target]
        nodes[target] = value if known is None else do.add(known, value)
    return nodes[-1]


def _edge(do: Any, name: str, x: Any, c_in: int, c_out: int) -> Any:
    match name:
        case "nor_conv_1x1":
            return _relu_conv_bn(do, x, c_in, c_out, 1)
        case "nor_conv_3x3":
            return _relu_conv_bn(do, x, c_in, c_out, 3)
        case "skip_connect" if c_in == c_out:
            return x
        case "skip_connect":
            return do.batch_norm(do.conv(x, do.weight(c_out, c_in)))
        case "none" if c_in == c_out:
            return do.times_zero(x)
        case "avg_pool_3x3" if c_in == c_out:
            return do.as_sum(average_pool_3x3(do.computed(x), c_in), finite=x.finite)
    raise ValueError(f"{name} from {c_in} to {c_out} channels")


def _relu_conv_bn(do: Any, x: Any, c_in: int, c_out: int, kernel: int, stride: int = 1) -> Any:
    return do.batch_norm(do.conv(do.relu(x), do.weight(c_out, c_in, kernel), stride))


def _reduction(do: Any, x: Any, c_in: int, c_out: int) -> Any:
    first = _relu_conv_bn(do, x, c_in, c_out, 3, stride=2)
    main = _relu_conv_bn(do, first, c_out, c_out, 3)
    pooled = functional.avg_pool2d(do.computed(x), 2, stride=2)
    return do.add(do.conv(pooled, do.weight(c_out, c_in)), main)
