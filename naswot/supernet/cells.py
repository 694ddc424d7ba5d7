"""Describe spaces of cells whose networks can share weights, NAS-Bench-201 and one's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from naswot.errors import NaswotError
from naswot.spaces.nasbench201.cells import EDGES, OPERATIONS, to_string
from naswot.spaces.nasbench201.network import Network, operation

Make = Callable[[int], nn.Module]
Genes = tuple[int, ...]


@dataclass(frozen=True)
class CellSpace:
    """Networks that repeat one cell: nodes joined by edges, with one operation on each edge.

    A node is the sum of the edges that enter it. Node 0 is the input of the cell, the last node its
    output. An architecture is its genes: for each edge the position of its operation.

    Attributes:
        name: of the space, for messages and metadata.
        edges: (source, target) of each edge, source < target, ordered by target.
        operations: name → function of the number of channels that makes the operation, a module
            (B, C, H, W) → (B, C, H, W); None: the operation that gives zeros.
        network: (cell, classes) → network (B, 3, H, W) → (B, classes); `cell` makes a cell of a
            number of channels, a module that keeps channels and size.
        architecture: genes → the architecture's string.

    Raises:
        NaswotError: an edge does not lead to a later node, or a node lacks an edge.
    """

    name: str
    edges: Sequence[tuple[int, int]]
    operations: Mapping[str, Make | None]
    network: Callable[[Make, int], nn.Module]
    architecture: Callable[[Genes], str]

    def __post_init__(self) -> None:
        sources, targets = (set(ends) for ends in zip(*self.edges, strict=True))
        reasons = [
            *(f"edge {edge} does not lead to a later node" for edge in self.edges
              if not edge[0] < edge[1]),
            *(f"no edge enters node {node}" for node in range(1, self.nodes)
              if node not in targets),
            *(f"no edge leaves node {node}" for node in range(self.nodes - 1)
              if node not in sources),
        ]  # fmt: skip
        if reasons:
            raise NaswotError(f"{self.name}: {reasons[0]}; node 0 is the input.")

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return 1 + max(target for _, target in self.edges)


def nasbench201(channels: int = 16, cells: int = 5) -> CellSpace:
    """Return NAS-Bench-201 with `channels` in the first of three stages of `cells` cells each."""
    widths = [channels, 2 * channels, 4 * channels]

    def network(cell: Make, classes: int) -> nn.Module:
        stages = [[width] * cells for width in widths]
        return Network(lambda c_in, c_out: cell(c_out), stages, widths[1:], classes)

    def made(name: str, width: int) -> nn.Module:
        return operation(name, width, width)

    return CellSpace(
        name="nasbench201",
        edges=EDGES,
        operations={name: None if name == "none" else partial(made, name) for name in OPERATIONS},
        network=network,
        architecture=lambda genes: to_string(tuple(OPERATIONS[gene] for gene in genes)),
    )
