"""Make diagrams of ResNet-like networks: one block for each stage, and the blocks that occur."""

from naswot.spaces.grammar import TYPICAL_SIDES
from naswot.spaces.graph import CONV, CONV_1X1, SKIP, Block, Cell, Diagram, Edge, Node, head
from naswot.spaces.resnet.architecture import BASIC, Stage, parse


def diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of architecture `arch`.

    Raises:
        NaswotError: the architecture is malformed.
    """
    network = parse(arch)
    side = TYPICAL_SIDES[network.halvings]
    size = side >> network.halvings
    name = ("stem", "stem, ÷2", "stem, ÷4")[network.halvings]
    blocks = [Block(name, "stem", network.stem, size)]
    for stage in network.stages:
        size = -(-size // stage.stride)
        name = f"{_kind(stage)}, ÷2" if stage.stride == 2 else _kind(stage)
        blocks.append(Block(name, "cell", stage.channels, size, stage.depth, _inside(stage)))
    kinds = {_kind(stage): _cell(stage) for stage in network.stages}
    return Diagram(
        title,
        arch,
        tuple(kinds.values()),
        (*blocks, *head(network.stages[-1].channels)),
        note=f"sizes of maps are those for images of {side}×{side} pixels",
    )


def _kind(stage: Stage) -> str:
    return "basic" if stage.block == BASIC else "bottleneck"


def _inside(stage: Stage) -> str:
    """Return kernel, channels and groups of the k × k convolutions of a stage."""
    groups = f", {stage.groups} groups" if stage.groups > 1 else ""
    inside = f", {stage.width} inside" if stage.width != stage.channels else ""
    return f"{stage.kernel}×{stage.kernel}{inside}{groups}"


def _cell(stage: Stage) -> Cell:
    wide = ("conv k×k", CONV)
    narrow = ("conv 1×1", CONV_1X1)
    layers = [wide, wide] if stage.block == BASIC else [narrow, wide, narrow]
    nodes = [Node("in", "input"), *(Node(*layer) for layer in layers)]
    nodes += [Node("+", "sum"), Node("out", "output")]
    edges = [Edge(node, node + 1) for node in range(len(nodes) - 1)]
    edges.append(Edge(0, len(nodes) - 2, "skip", SKIP))
    note = (
        "batch normalisation and ReLU follow each convolution, the last ReLU after the sum; where "
        "shapes change a 1×1 convolution skips"
    )
    return Cell(f"{_kind(stage).capitalize()} block", tuple(nodes), tuple(edges), note)
