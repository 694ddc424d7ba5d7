"""Make diagrams of NAS-Bench-101 cells: operations on nodes, unused vertices included."""

from naswot.spaces.graph import OPERATIONS, Block, Cell, Diagram, Edge, Node, head, stacked
from naswot.spaces.nasbench101 import BENCHMARK_STEM, SCORED_STEM, parse

IMAGE_SIZE = 32
STACKS, CELLS_PER_STACK = 3, 3  # same as in network.py, which is not imported: it needs torch


def diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of the cell of JSON text `arch`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    cell = parse(arch)
    vertices = range(len(cell.operations))
    nodes = (
        Node("in", "input"),
        *(Node(*OPERATIONS[name]) for name in cell.operations[1:-1]),
        Node("out", "output"),
    )
    edges = tuple(
        Edge(source, target)
        for source in vertices
        for target in vertices
        if cell.matrix[source][target]
    )
    note = "what leaves the input passes a 1×1 convolution; the output concatenates"
    width, size = SCORED_STEM, IMAGE_SIZE
    blocks = [Block("stem", "stem", width, size)]
    for stack in range(STACKS):
        if stack:
            size //= 2
            blocks.append(Block("max 2×2, ÷2", "reduction", width, size))
            width *= 2
        blocks += [Block("cell", "cell", width, size)] * CELLS_PER_STACK
    return Diagram(
        title,
        arch,
        (Cell("Cell", nodes, edges, note),),
        stacked(blocks + head(width)),
        frozenset({"cells"}),
        f"channels as scored; the benchmark trained {BENCHMARK_STEM // SCORED_STEM} times as many",
    )
