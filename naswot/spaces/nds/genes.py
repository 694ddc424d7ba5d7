"""Encode an architecture of NDS as whole numbers."""

from itertools import zip_longest

from naswot.spaces.nds.genotypes import OPERATIONS, Cell, CellNetwork, parse
from naswot.spaces.nds.stages import BLOCKS

_BLOCKS = sorted(set(BLOCKS.values()))
_NO_NODE = (-1,) * 5


def genes(arch: str) -> tuple[int, ...]:
    """Return the encoding of architecture string `arch`; its length depends on the architecture.

    A network of cells has width, depth and auxiliary head (0 or 1), then for each node the choices
    of the normal cell and of the reduction cell: operation (position in `OPERATIONS`) and input,
    twice, and whether the node is part of the output. A cell that has fewer nodes than the
    other is padded with −1. Other networks have the kind of block and the stem's width, then for
    each stage depth, width, stride, bottleneck multiplier in thousandths, and group width.

    So a gene has the same meaning in all networks of a space, even if some have more nodes or
    stages. Path dropout only affects training and is not a gene.

    Raises:
        NaswotError: `arch` is malformed.
    """
    network = parse(arch)
    if isinstance(network, CellNetwork):
        nodes = zip_longest(_nodes(network.normal), _nodes(network.reduce), fillvalue=_NO_NODE)
        choices = (gene for normal, reduce in nodes for gene in normal + reduce)
        return (network.width, network.depth, int(network.aux), *choices)
    stages = (
        (stage.depth, stage.width, stage.stride, round(1000 * stage.multiplier), stage.group_width)
        for stage in network.stages
    )
    choices = (gene for stage in stages for gene in stage)
    return (_BLOCKS.index(network.block), network.stem_width, *choices)


def _nodes(cell: Cell) -> list[tuple[int, ...]]:
    """Return for each node its operations, each with its input, and whether the output has it."""
    return [
        (
            *(gene for name, source in pairs for gene in (OPERATIONS.index(name), source)),
            int(node in cell.concat),
        )
        for node, pairs in enumerate(zip(cell.edges[::2], cell.edges[1::2], strict=True), start=2)
    ]
