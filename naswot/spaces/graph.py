"""Describe a network for drawing: its cells as graphs, and the blocks that it stacks.

A space turns an architecture into a `Diagram` (`naswot.spaces.diagrams`); `naswot.plots.placing`
computes the positions of its parts. Operations are on nodes (NAS-Bench-101) or on edges
(NAS-Bench-201, NDS).
"""

from dataclasses import dataclass, field

from naswot.errors import NaswotError

# Kinds of operations; each has its own colour.
NONE, SKIP, CONV_1X1, CONV, SEPARABLE, DILATED, POOL = (
    "none", "skip", "conv 1×1", "conv", "separable", "dilated", "pool"
)  # fmt: skip

# Name of an operation in the benchmarks → its label in figures, and its kind.
OPERATIONS = {
    "none": ("none", NONE),
    "skip_connect": ("skip", SKIP),
    "nor_conv_1x1": ("conv 1×1", CONV_1X1),
    "nor_conv_3x3": ("conv 3×3", CONV),
    "conv1x1-bn-relu": ("conv 1×1", CONV_1X1),
    "conv3x3-bn-relu": ("conv 3×3", CONV),
    "maxpool3x3": ("max 3×3", POOL),
    "avg_pool_3x3": ("avg 3×3", POOL),
    "max_pool_3x3": ("max 3×3", POOL),
    "max_pool_5x5": ("max 5×5", POOL),
    "max_pool_7x7": ("max 7×7", POOL),
    "conv_1x1": ("conv 1×1", CONV_1X1),
    "conv_3x3": ("conv 3×3", CONV),
    "conv_3x1_1x3": ("1×3, 3×1", CONV),
    "conv_7x1_1x7": ("1×7, 7×1", CONV),
    "sep_conv_3x3": ("sep 3×3", SEPARABLE),
    "sep_conv_5x5": ("sep 5×5", SEPARABLE),
    "sep_conv_7x7": ("sep 7×7", SEPARABLE),
    "dil_conv_3x3": ("dil 3×3", DILATED),
    "dil_conv_5x5": ("dil 5×5", DILATED),
    "dil_sep_conv_3x3": ("dil sep 3×3", DILATED),
}


@dataclass(frozen=True)
class Node:
    """A vertex of a cell; `kind` is input, output, sum, or a kind of operation."""

    label: str
    kind: str


@dataclass(frozen=True)
class Edge:
    """An edge from node `source` to node `target`, with an operation if `label` names one."""

    source: int
    target: int
    label: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell as a graph; edges lead from earlier to later nodes.

    Attributes:
        note: what the graph does not show, for a note under the figure.

    Raises:
        NaswotError: an edge leads backwards, or to a node that does not exist.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    note: str = ""

    def __post_init__(self):
        for edge in self.edges:
            if not 0 <= edge.source < edge.target < len(self.nodes):
                raise NaswotError(
                    f"{self.name}: an edge leads from node {edge.source} to node {edge.target} of "
                    f"{len(self.nodes)}; list nodes so that edges lead from earlier to later ones."
                )

    @property
    def layers(self) -> list[int]:
        """The number of edges on the longest path to each node."""
        layers = [0] * len(self.nodes)
        for edge in sorted(self.edges, key=lambda edge: edge.target):
            layers[edge.target] = max(layers[edge.target], layers[edge.source] + 1)
        return layers

    def used(self) -> tuple[set[int], set[int]]:
        """Return the nodes and the edges on paths from an input to an output, as positions.

        No path leads through the operation `none`.
        """
        open_edges = [edge for edge in self.edges if edge.kind != NONE]
        reached = {i for i, node in enumerate(self.nodes) if node.kind == "input"}
        for edge in sorted(open_edges, key=lambda edge: edge.target):
            if edge.source in reached:
                reached.add(edge.target)
        needed = {i for i, node in enumerate(self.nodes) if node.kind == "output"}
        for edge in sorted(open_edges, key=lambda edge: -edge.source):
            if edge.target in needed:
                needed.add(edge.source)
        nodes = reached & needed
        edges = {
            i
            for i, edge in enumerate(self.edges)
            if edge.kind != NONE and {edge.source, edge.target} <= nodes
        }
        return nodes, edges


@dataclass(frozen=True)
class Block:
    """One block of the skeleton, or several equal ones in a row.

    Attributes:
        label: its name in the figure.
        kind: stem, cell, reduction or head.
        channels: channels of its output.
        size: side of its output in pixels; None after global pooling.
        repeat: how many equal blocks follow each other.
        note: other properties, in words.
    """

    label: str
    kind: str
    channels: int
    size: int | None
    repeat: int = 1
    note: str = ""


@dataclass(frozen=True)
class Diagram:
    """All parts of an architecture that a figure draws.

    Attributes:
        title: title of the space.
        arch: the architecture string, as given.
        cells: the cells that the skeleton stacks.
        skeleton: the blocks from the images to the classes.
        varies: what differs between architectures of the space: "cells", "skeleton" or both.
        note: what the skeleton does not show, for a note under the figure.
    """

    title: str
    arch: str
    cells: tuple[Cell, ...]
    skeleton: tuple[Block, ...]
    varies: frozenset[str] = field(default=frozenset({"cells", "skeleton"}))
    note: str = ""


def stacked(blocks: list[Block]) -> tuple[Block, ...]:
    """Return `blocks`, with equal neighbours merged into one block that repeats."""
    merged: list[tuple[Block, int]] = []
    for block in blocks:
        if merged and merged[-1][0] == block:
            merged[-1] = (block, merged[-1][1] + 1)
        else:
            merged.append((block, 1))
    return tuple(
        Block(block.label, block.kind, block.channels, block.size, count, block.note)
        for block, count in merged
    )


def head(channels: int) -> list[Block]:
    """Return the last blocks of every skeleton: global average pooling and a linear classifier."""
    return [
        Block("avg pool", "head", channels, None),
        Block("linear", "head", 10, None),
    ]


def inverted_residual(note: str, squeezes: bool = False) -> Cell:
    """Return an inverted residual block, with squeeze-and-excitation if `squeezes`."""
    layers = [("expand 1×1", CONV_1X1), ("depthwise", SEPARABLE), ("project 1×1", CONV_1X1)]
    if squeezes:
        layers.insert(2, ("SE", CONV))
    nodes = [Node("in", "input"), *(Node(*layer) for layer in layers)]
    nodes += [Node("+", "sum"), Node("out", "output")]
    edges = [Edge(node, node + 1) for node in range(len(nodes) - 1)]
    edges.append(Edge(0, len(nodes) - 2, "skip", SKIP))
    return Cell("Inverted residual block", tuple(nodes), tuple(edges), note)
