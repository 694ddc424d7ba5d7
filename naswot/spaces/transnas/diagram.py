"""Make diagrams of TransNAS-Bench-101: the cell, and the modules that stack it."""

from naswot.spaces.graph import (
    CONV,
    OPERATIONS,
    SKIP,
    Block,
    Cell,
    Diagram,
    Edge,
    Node,
    head,
    stacked,
)
from naswot.spaces.transnas.architecture import (
    EDGES,
    STEM,
    Architecture,
    parse_macro,
    parse_micro,
)

SIDE = 256  # pixels of the benchmark's images


def micro_diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of a micro architecture.

    Raises:
        NaswotError: the architecture is malformed.
    """
    architecture = parse_micro(arch)
    nodes = (Node("in", "input"), Node("1", "sum"), Node("2", "sum"), Node("out", "output"))
    edges = tuple(
        Edge(source, target, *OPERATIONS[name])
        for name, (source, target) in zip(architecture.operations or (), EDGES, strict=True)
    )
    note = (
        "a node is the sum of the edges that enter it; edges that leave the input change the "
        "shape, skip by two 1×1 convolutions"
    )
    cell = Cell("Cell", nodes, edges, note)
    return Diagram(title, arch, (cell,), _skeleton(architecture, "cell"), frozenset({"cells"}))


def macro_diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of a macro architecture.

    Raises:
        NaswotError: the architecture is malformed.
    """
    layer = Node("conv 3×3", CONV)
    cell = Cell(
        "Basic block",
        (Node("in", "input"), layer, layer, Node("out", "output")),
        (Edge(0, 1), Edge(1, 2), Edge(2, 3), Edge(0, 3, "skip", SKIP)),
        "ReLU comes before each convolution, batch normalisation after it; where shapes change a "
        "1×1 convolution skips",
    )
    skeleton = _skeleton(parse_macro(arch), "basic")
    return Diagram(title, arch, (cell,), skeleton, frozenset({"skeleton"}))


def _skeleton(architecture: Architecture, label: str) -> tuple[Block, ...]:
    size = SIDE // 4
    blocks = [Block("stem, ÷4", "stem", STEM, size)]
    for channels, stride in architecture.modules:
        size //= stride
        first = f"{label}, ÷2" if stride == 2 else label
        blocks += [Block(name, "cell", channels, size) for name in (first, label)]
    return stacked(blocks + head(architecture.modules[-1].channels))
