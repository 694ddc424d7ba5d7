"""Parse, check and normalise the architecture strings of NDS.

They are JSON. This is a network of cells, of any of the sets of `SEARCHSPACES`::

    {"searchspace": "DARTS", "net": {"width": 16, "depth": 8, "aux": false, "drop_prob": 0.0,
     "genotype": {"normal": [["sep_conv_3x3", 1], …], "normal_concat": [2, 3, 4, 5],
                  "reduce": […], "reduce_concat": […]}}}

Each pair of a cell is an operation and its input; node k + 2 is the sum of pairs 2k and 2k + 1.
Input 0 is the output of the cell before the previous one, input 1 that of the previous cell, and
higher numbers are nodes. ``concat`` lists the nodes that make up the output. ``drop_prob`` only
affects training.

Networks without cells are described in `naswot.spaces.nds.stages`.
"""

import json
from dataclasses import dataclass
from typing import Any

from naswot.errors import NaswotError
from naswot.spaces.nds.checks import (
    FaultError,
    choice,
    excerpt,
    fields,
    integer,
    listed,
    number,
    wrong,
)
from naswot.spaces.nds.stages import BLOCKS, AnyNetwork, any_network

# Names of the sets of cell networks in NDS's files. Sets with "_in" are trained on ImageNet; sets
# with "_fix-w-d" have fixed width and depth.
_CELLS = ("Amoeba", "DARTS", "ENAS", "NASNet", "PNAS")
SEARCHSPACES = {
    f"nds_{name.lower()}": name
    for name in (
        *_CELLS,
        *(f"{cells}_fix-w-d" for cells in ("DARTS", "ENAS", "PNAS")),
        *(f"{cells}_in" for cells in _CELLS),
    )
}
SPACES_NDS = (*SEARCHSPACES, *BLOCKS)

# All operations of the five sets.
OPERATIONS = (
    "none",
    "skip_connect",
    "avg_pool_3x3",
    "max_pool_3x3",
    "max_pool_5x5",
    "max_pool_7x7",
    "conv_1x1",
    "conv_3x3",
    "conv_3x1_1x3",
    "conv_7x1_1x7",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "dil_sep_conv_3x3",
)


@dataclass(frozen=True)
class Cell:
    """A cell: (operation, input) pairs, two per node, and the nodes that make up its output."""

    edges: tuple[tuple[str, int], ...]
    concat: tuple[int, ...]


@dataclass(frozen=True)
class CellNetwork:
    """A stack of `depth` cells, the first with `width` channels per node."""

    searchspace: str
    width: int
    depth: int
    aux: bool
    drop_prob: float
    normal: Cell
    reduce: Cell

    @property
    def imagenet(self) -> bool:
        """Whether NDS trained it on ImageNet (1000 classes, a different stem) or on CIFAR-10."""
        return self.searchspace.endswith("_in")

    def belongs(self, space: str) -> bool:
        """Whether it is an architecture of `space`."""
        return SEARCHSPACES.get(space) == self.searchspace

    def described(self) -> dict:
        """Return the JSON object that describes it."""
        genotype = {
            "normal": self.normal.edges,
            "normal_concat": self.normal.concat,
            "reduce": self.reduce.edges,
            "reduce_concat": self.reduce.concat,
        }
        net = {name: getattr(self, name) for name in ("width", "depth", "aux", "drop_prob")}
        return {"searchspace": self.searchspace, "net": net | {"genotype": genotype}}


def parse(arch: str) -> CellNetwork | AnyNetwork:
    """Return the network that architecture string `arch` describes.

    Raises:
        NaswotError: `arch` has neither form; the message names the wrong part.
    """
    try:
        try:
            described = json.loads(arch)
        except (ValueError, RecursionError) as error:
            raise FaultError(f"it is not JSON ({error})") from None
        if isinstance(described, dict) and "block_type" in described:
            return any_network(described)
        return _cell_network(described)
    except FaultError as fault:
        raise NaswotError(f"{excerpt(arch)} is not an NDS architecture: {fault}.") from None


def canonical(arch: str, space: str | None = None) -> str:
    """Return `arch` in its standard form: keys in the order above, no blanks, uniform numbers.

    Args:
        arch: an architecture string.
        space: the one of `SPACES_NDS` that it must belong to; None: any.

    Raises:
        NaswotError: `arch` is malformed, or belongs to another space.
    """
    network = parse(arch)
    if space is not None and not network.belongs(space):
        raise NaswotError(f"{excerpt(arch)} is not an architecture of {space}.")
    return json.dumps(network.described(), separators=(",", ":"))


def _cell_network(described: Any) -> CellNetwork:
    searchspace, net = fields(described, "it", ("searchspace", "net"))
    width, depth, aux, drop_prob, genotype = fields(
        net, "net", ("width", "depth", "aux", "drop_prob", "genotype")
    )
    normal, normal_concat, reduce, reduce_concat = fields(
        genotype, "net.genotype", ("normal", "normal_concat", "reduce", "reduce_concat")
    )
    if type(aux) is not bool:
        wrong(aux, "net.aux", "true or false")
    network = CellNetwork(
        searchspace=choice(searchspace, "searchspace", list(SEARCHSPACES.values())),
        width=integer(width, "net.width"),
        depth=integer(depth, "net.depth"),
        aux=aux,
        drop_prob=number(drop_prob, "net.drop_prob", 0, 1),
        normal=_cell(normal, normal_concat, "net.genotype.normal"),
        reduce=_cell(reduce, reduce_concat, "net.genotype.reduce"),
    )
    if network.imagenet and width % 2:
        wrong(width, "net.width", "even, for the stem of ImageNet networks halves it")
    return network


def _cell(edges: Any, concat: Any, path: str) -> Cell:
    if not listed(edges, path) or len(edges) % 2:
        raise FaultError(f"{path} has {len(edges)} pairs; it should have two for each node")
    pairs = []
    for i, edge in enumerate(edges):
        operation, source = listed(edge, f"{path}[{i}]", 2)
        choice(operation, f"{path}[{i}][0]", OPERATIONS)
        pairs.append((operation, integer(source, f"{path}[{i}][1]", 0, 1 + i // 2)))
    path = f"{path}_concat"
    for i, node in enumerate(listed(concat, path)):
        integer(node, f"{path}[{i}]", 2, 1 + len(edges) // 2)
    if not concat or len(set(concat)) < len(concat):
        wrong(concat, path, "one or more different nodes")
    return Cell(tuple(pairs), tuple(concat))
