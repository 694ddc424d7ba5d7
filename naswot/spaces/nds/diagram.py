"""Make diagrams of NDS networks: cells with operations on edges, or the block of the stages."""

from collections.abc import Sequence

from naswot.spaces.graph import (
    CONV,
    CONV_1X1,
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
from naswot.spaces.nds import genotypes
from naswot.spaces.nds.stages import BOTTLENECK, AnyNetwork, Stage

CIFAR_SIZE, IMAGENET_SIZE = 32, 224


def diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of architecture `arch`.

    Raises:
        NaswotError: the architecture is malformed.
    """
    network = genotypes.parse(arch)
    if isinstance(network, AnyNetwork):
        return Diagram(title, arch, (_block(network.block),), _stages(network))
    normal = _cell(network.normal, "Normal cell", "nodes add two, the output concatenates")
    reduce = _cell(network.reduce, "Reduction cell", "what leaves an input has stride 2")
    return Diagram(
        title,
        arch,
        (normal, reduce),
        _stack(network),
        note="a cell reads the outputs of the two cells before it",
    )


def _cell(cell: genotypes.Cell, name: str, note: str) -> Cell:
    inner = [Node(str(number), "sum") for number in range(len(cell.edges) // 2)]
    nodes = (Node("k−2", "input"), Node("k−1", "input"), *inner, Node("out", "output"))
    edges = [
        Edge(source, 2 + pair // 2, *OPERATIONS[operation])
        for pair, (operation, source) in enumerate(cell.edges)
    ]
    edges += [Edge(node, len(nodes) - 1) for node in sorted(cell.concat)]
    return Cell(name, nodes, tuple(edges), note)


def _stack(network: genotypes.CellNetwork) -> tuple[Block, ...]:
    """Return the skeleton of `naswot.spaces.nds.darts_style.Network`."""
    if network.imagenet:
        size = IMAGENET_SIZE // 8
        blocks = [Block("stem", "stem", network.width, size)]
    else:
        size = CIFAR_SIZE
        blocks = [Block("stem", "stem", 3 * network.width, size)]
    channels, outputs = network.width, blocks[0].channels
    for layer in range(network.depth):
        reduces = layer in (network.depth // 3, 2 * network.depth // 3)
        if reduces:
            channels, size = 2 * channels, -(-size // 2)
        cell = network.reduce if reduces else network.normal
        outputs = channels * len(cell.concat)
        kind = ("reduction", "reduction") if reduces else ("normal", "cell")
        blocks.append(Block(*kind, outputs, size))
    return stacked(blocks + head(outputs))


def _stages(network: AnyNetwork) -> tuple[Block, ...]:
    """Return the skeleton of `naswot.spaces.nds.anynet.Network`, one block per stage."""
    size, blocks = CIFAR_SIZE, [Block("stem", "stem", network.stem_width, CIFAR_SIZE)]
    for stage in network.stages:
        size = -(-size // stage.stride)
        name = "block, ÷2" if stage.stride == 2 else "block"
        blocks.append(Block(name, "cell", stage.width, size, stage.depth, _inside(stage)))
    return (*blocks, *head(network.stages[-1].width))


def _inside(stage: Stage) -> str:
    """Return the channels and groups inside a stage's bottlenecks, "" for other blocks."""
    if not stage.bottleneck:
        return ""
    groups = stage.bottleneck // stage.group_width
    return f"{stage.bottleneck} inside, {groups} group{'s' if groups > 1 else ''}"


def _block(kind: str) -> Cell:
    layers: Sequence[tuple[str, str]] = [("conv 3×3", CONV)] * 2
    name = {"vanilla_block": "Plain block", BOTTLENECK: "Bottleneck block"}.get(
        kind, "Residual block"
    )
    if kind == BOTTLENECK:
        layers = [("conv 1×1", CONV_1X1), ("conv 3×3, groups", CONV), ("conv 1×1", CONV_1X1)]
    nodes = [Node("in", "input"), *(Node(*layer) for layer in layers)]
    note = "batch normalisation and ReLU follow each convolution"
    if kind != "vanilla_block":
        nodes.append(Node("+", "sum"))
        note += ", the last ReLU after the sum; where shapes change a 1×1 convolution skips"
    nodes.append(Node("out", "output"))
    edges = [Edge(node, node + 1) for node in range(len(nodes) - 1)]
    if kind != "vanilla_block":
        edges.append(Edge(0, len(nodes) - 2, "skip", SKIP))
    return Cell(name, tuple(nodes), tuple(edges), note)
