"""NAS-Bench-201 (also the topology space of NATS-Bench): 15,625 cells, one fixed skeleton.

Source: Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural
Architecture Search", ICLR 2020.
"""

import functools
from typing import TYPE_CHECKING

from naswot.spaces.nasbench201.cells import (
    SIZE,
    UNIQUE,
    architectures,
    canonical,
    genes,
    parse,
)
from naswot.spaces.space import Later, Space

if TYPE_CHECKING:
    from naswot.scores.plan import Plan
    from naswot.spaces.nasbench201.network import Network

__all__ = [
    "SIZE",
    "SPACE",
    "UNIQUE",
    "architectures",
    "benchmark_params",
    "build",
    "canonical",
    "genes",
    "parse",
]


def build(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network of cell string `arch` with `classes` outputs.

    Raises:
        NaswotError: the cell string is malformed.
    """
    from naswot.spaces.nasbench201.network import topology_network

    return topology_network(parse(arch), classes)


def plan(arch: str, classes: int = 1) -> "Plan":
    """Return the plan of the network that `build` builds."""
    from naswot.spaces.nasbench201.plan import topology_plan

    return topology_plan(parse(arch), classes)


def benchmark_params(arch: str) -> int:
    """Return the number of trainable parameters of the 10-class network of cell string `arch`.

    Raises:
        NaswotError: the cell string is malformed.
    """
    operations = parse(arch)
    return _params(operations.count("nor_conv_1x1"), operations.count("nor_conv_3x3"))


@functools.cache
def _params(convolutions_1x1: int, convolutions_3x3: int) -> int:
    # Only convolutions have parameters, and every edge of a cell has the same channels.
    import torch

    from naswot.spaces.nasbench201.network import topology_network

    operations = ["nor_conv_1x1"] * convolutions_1x1 + ["nor_conv_3x3"] * convolutions_3x3
    operations += ["none"] * (6 - len(operations))
    with torch.device("meta"):
        network = topology_network(operations, classes=10)
    return sum(parameter.numel() for parameter in network.parameters())


SPACE = Space(
    name="nasbench201",
    title="NAS-Bench-201",
    size=SIZE,
    unique=UNIQUE,
    architectures=architectures,
    canonical=canonical,
    build=build,
    plan=plan,
    benchmark_params=benchmark_params,
    diagram=Later("naswot.spaces.nasbench201.diagram:topology_diagram"),
    genes=genes,
    encode=Later("naswot.spaces.nasbench201.encoding:encode"),
    relative_cost=1.0,
    form="|op~0|+|op~0|op~1|+…",
    recognises=lambda text: text.startswith("|") or ("~" in text and not text.startswith("{")),
)
