"""Make diagrams of NAS-Bench-201 and NATS-Bench's size space: operations on edges."""

from collections.abc import Sequence

from naswot.spaces import natsbench_sss
from naswot.spaces.graph import OPERATIONS, Block, Cell, Diagram, Edge, Node, head, stacked
from naswot.spaces.nasbench201.cells import EDGES, parse

IMAGE_SIZE = 32

_NODES = (Node("in", "input"), Node("1", "sum"), Node("2", "sum"), Node("out", "output"))


def topology_diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of cell string `arch`.

    Raises:
        NaswotError: the cell string is malformed.
    """
    cell = _cell(parse(arch), "Cell")
    skeleton = _skeleton([[16] * 5, [32] * 5, [64] * 5], [32, 64])
    return Diagram(title, arch, (cell,), skeleton, frozenset({"cells"}))


def size_diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of channel string `arch`.

    Raises:
        NaswotError: the channel string is malformed.
    """
    first, down, second, down_again, third = natsbench_sss.parse(arch)
    cell = _cell(natsbench_sss.CELL, "Cell, the same in all networks")
    skeleton = _skeleton([[first], [second], [third]], [down, down_again])
    return Diagram(title, arch, (cell,), skeleton, frozenset({"skeleton"}))


def _cell(operations: Sequence[str], name: str) -> Cell:
    edges = tuple(
        Edge(source, target, *OPERATIONS[operation])
        for operation, (source, target) in zip(operations, EDGES, strict=True)
    )
    return Cell(name, _NODES, edges, "a node is the sum of the edges that enter it")


def _skeleton(stages: Sequence[Sequence[int]], reductions: Sequence[int]) -> tuple[Block, ...]:
    size, blocks = IMAGE_SIZE, [Block("stem", "stem", stages[0][0], IMAGE_SIZE)]
    for stage, channels in enumerate(stages):
        if stage:
            size //= 2
            blocks.append(Block("residual, ÷2", "reduction", reductions[stage - 1], size))
        blocks += [Block("cell", "cell", width, size) for width in channels]
    return stacked(blocks + head(stages[-1][-1]))
