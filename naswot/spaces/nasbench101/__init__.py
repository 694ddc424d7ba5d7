"""NAS-Bench-101: 423,624 cells, each a graph of convolutions and poolings.

The benchmark table lists the cells; this package parses, checks and builds one.
"""

from typing import TYPE_CHECKING

from naswot.spaces.nasbench101.cells import SIZE, canonical, parse, prune
from naswot.spaces.space import Later, Space

if TYPE_CHECKING:
    from naswot.scores.plan import Plan
    from naswot.spaces.nasbench101.network import Network

__all__ = ["SIZE", "SPACE", "benchmark_params", "build", "canonical", "parse"]

SCORED_STEM = 16  # channels; the authors of the score use this narrow network
BENCHMARK_STEM = 128


def build(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network that is scored for the cell of JSON text `arch`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    from naswot.spaces.nasbench101.network import Network

    return Network(prune(parse(arch)), SCORED_STEM, classes)  # type: ignore[arg-type]


def plan(arch: str, classes: int = 1) -> "Plan":
    """Return the plan of the network that `build` builds."""
    from naswot.spaces.nasbench101.plan import plan

    return plan(prune(parse(arch)), SCORED_STEM, classes)  # type: ignore[arg-type]


def benchmark_params(arch: str) -> int:
    """Return the number of trainable parameters of the benchmark's 10-class network of `arch`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    import torch

    from naswot.spaces.nasbench101.network import Network

    with torch.device("meta"):
        network = Network(prune(parse(arch)), BENCHMARK_STEM, 10)  # type: ignore[arg-type]
    return sum(parameter.numel() for parameter in network.parameters())


SPACE = Space(
    name="nasbench101",
    title="NAS-Bench-101",
    size=SIZE,
    unique=None,
    architectures=None,
    canonical=canonical,
    build=build,
    plan=plan,
    benchmark_params=benchmark_params,
    diagram=Later("naswot.spaces.nasbench101.diagram:diagram"),
    encode=Later("naswot.spaces.nasbench101.encoding:encode"),
    neighbours=Later("naswot.spaces.nasbench101.neighbours:one_apart"),
    relative_cost=1.0,
    form='{"matrix": …, "ops": …}',
    recognises=lambda text: text.startswith("{") and '"matrix"' in text,
)
