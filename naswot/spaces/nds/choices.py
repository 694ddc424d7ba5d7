"""The choices that make an architecture of NDS or of NAS-Bench-301.

Sources:

- The paper (Radosavovic et al., ICCV 2019) has for ResNet and Vanilla 9 depths from 1 to 24 and 12
  widths from 16 to 256, for ResNeXt 5 depths from 1 to 16, 5 widths (A: 16 to 256, B: 64 to 1024),
  3 bottleneck ratios from 1 to 4 and groups (A: 3 from 1 to 4, B: 5 from 1 to 16), for each of
  three stages, about evenly spaced on a logarithmic scale. It gives no values in between; ours
  contain those of published records (microsoft/nni, docs of NAS benchmarks), and are not compared
  with the benchmark's files. A test compares the paper's numbers of networks and of cells.
- pycls (facebookresearch/unnas, `pycls/models/nas/genotypes.py`) lists the operations.
- nni (microsoft/nni, `nni/nas/hub/pytorch/nasnet.py`), a reimplementation of NDS, gives the widths,
  the depths and what the output of a cell concatenates.
- NAS-Bench-301 (Zela et al., ICLR 2022) uses the cells of DARTS (Liu et al., ICLR 2019): no
  operation `none`, and a node never reads the same input twice.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

from naswot.spaces.choices import ChoiceSpace, Choose
from naswot.spaces.nds import SPACES as BENCHMARKS
from naswot.spaces.nds.genotypes import SEARCHSPACES, Cell, CellNetwork
from naswot.spaces.nds.stages import BLOCKS, BOTTLENECK, AnyNetwork, Stage
from naswot.spaces.space import Space


class Cells(NamedTuple):
    """A set of cells: operations, nodes, and whether all nodes make up the output or loose ones.

    A loose node is one that no other node reads.
    """

    operations: tuple[str, ...]
    nodes: int
    all_nodes: bool


_COMMON = ("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3")
CELLS = {
    "Amoeba": Cells((*_COMMON, "sep_conv_7x7", "dil_sep_conv_3x3", "conv_7x1_1x7"), 5, False),
    "DARTS": Cells((*_COMMON, "none", "dil_conv_3x3", "dil_conv_5x5"), 4, True),
    "ENAS": Cells(_COMMON, 5, False),
    "NASNet": Cells(
        (
            *_COMMON,
            *("sep_conv_7x7", "dil_conv_3x3", "max_pool_5x5", "max_pool_7x7"),
            *("conv_1x1", "conv_3x3", "conv_3x1_1x3", "conv_7x1_1x7"),
        ),
        5,
        False,
    ),
    "PNAS": Cells((*_COMMON, "sep_conv_7x7", "dil_conv_3x3", "conv_7x1_1x7"), 5, True),
}
OPERATIONS_301 = tuple(name for name in CELLS["DARTS"].operations if name != "none")

# Widths and depths of networks of cells.
SIZES: tuple[Sequence[int], Sequence[int]] = ((16, 24, 32), (4, 8, 12, 16, 20))
# Of the sets in which they are fixed. We know no publication of the values; these are the defaults
# of nni.
SIZES_FIXED: tuple[Sequence[int], Sequence[int]] = ((16,), (20,))
# Of the sets that are trained on ImageNet. We know no publication of the values; these are around
# the network that DARTS trains on ImageNet, of width 48 and depth 14.
SIZES_IMAGENET: tuple[Sequence[int], Sequence[int]] = ((32, 40, 48, 56, 64), (8, 11, 14, 17, 20))
SIZES_301: tuple[Sequence[int], Sequence[int]] = ((32,), (8,))

STEM_WIDTH, STRIDES = 16, (1, 2, 2)  # as in published records
_DEPTHS_9 = (1, 2, 3, 4, 6, 8, 12, 16, 24)
_WIDTHS_12 = (16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256)
# Depths, widths, multipliers (1 / bottleneck ratio) and numbers of groups of a stage.
STAGES: dict[str, tuple[Sequence[int], Sequence[int], Sequence[float], Sequence[int]]] = {
    "nds_resnet": (_DEPTHS_9, _WIDTHS_12, (), ()),
    "nds_resnext-a": ((1, 2, 4, 8, 16), (16, 32, 64, 128, 256), (1.0, 0.5, 0.25), (1, 2, 4)),
    "nds_resnext-b": (
        (1, 2, 4, 8, 16),
        (64, 128, 256, 512, 1024),
        (1.0, 0.5, 0.25),
        (1, 2, 4, 8, 16),
    ),
    "nds_vanilla": (_DEPTHS_9, _WIDTHS_12, (), ()),
}


def draw_cells(space: str, choose: Choose) -> str:
    """Return the chosen network of the set of cells `space`."""
    searchspace = SEARCHSPACES[space]
    cells = CELLS[searchspace.partition("_")[0]]
    sizes = SIZES
    if searchspace.endswith(("_in", "_fix-w-d")):
        sizes = SIZES_IMAGENET if searchspace.endswith("_in") else SIZES_FIXED

    def cell(kind: str) -> Cell:
        edges = tuple(
            (
                str(choose(f"{kind}_{node}_op_{branch}", cells.operations)),
                int(choose(f"{kind}_{node}_input_{branch}", range(node))),
            )
            for node in range(2, 2 + cells.nodes)
            for branch in ("a", "b")
        )
        read = {source for _, source in edges}
        nodes = range(2, 2 + cells.nodes)
        return Cell(edges, tuple(n for n in nodes if cells.all_nodes or n not in read))

    return _cell_network(searchspace, sizes, cell, choose)


def draw_301(choose: Choose) -> str:
    """Return the chosen network of NAS-Bench-301."""

    def cell(kind: str) -> Cell:
        edges: list[tuple[str, int]] = []
        for node in range(2, 6):
            pairs = [f"{first}+{second}" for first, second in combinations(range(node), 2)]
            inputs = str(choose(f"{kind}_{node}_inputs", pairs)).split("+")
            for branch, source in zip(("a", "b"), inputs, strict=True):
                name = choose(f"{kind}_{node}_op_{branch}", OPERATIONS_301)
                edges.append((str(name), int(source)))
        return Cell(tuple(edges), (2, 3, 4, 5))

    return _cell_network("DARTS", SIZES_301, cell, choose)


def _cell_network(
    searchspace: str,
    sizes: tuple[Sequence[int], Sequence[int]],
    cell: Callable[[str], Cell],
    choose: Choose,
) -> str:
    width, depth = int(choose("width", sizes[0])), int(choose("depth", sizes[1]))
    normal, reduce = cell("normal"), cell("reduce")
    return _text(CellNetwork(searchspace, width, depth, False, 0.0, normal, reduce))


def draw_stages(space: str, choose: Choose) -> str:
    """Return the chosen network of stages of `space`."""
    depths, widths, multipliers, groups = STAGES[space]
    stages = []
    for number, stride in enumerate(STRIDES, 1):
        depth = int(choose(f"depth_{number}", depths))
        width = int(choose(f"width_{number}", widths))
        multiplier, group_width = 0.0, 0
        if BLOCKS[space] == BOTTLENECK:
            multiplier = float(choose(f"multiplier_{number}", multipliers))
            group_width = round(width * multiplier) // int(choose(f"groups_{number}", groups))
        stages.append(Stage(depth, width, stride, multiplier, group_width))
    return _text(AnyNetwork(STEM_WIDTH, BLOCKS[space], tuple(stages)))


def _text(network: CellNetwork | AnyNetwork) -> str:
    return json.dumps(network.described(), separators=(",", ":"))


def _space(benchmark: Space) -> ChoiceSpace:
    name = benchmark.name
    draw: Callable[[Choose], str]
    if name in STAGES:
        draw = partial(draw_stages, name)
        about = "Depth and width of three stages vary, and groups and ratios of bottlenecks."
    elif name in SEARCHSPACES:
        draw = partial(draw_cells, name)
        about = "A normal and a reduction cell vary, and width and depth if they are not fixed."
    else:
        draw = draw_301
        about = "A normal and a reduction cell vary. Width (32) and depth (8) do not."
    return ChoiceSpace(
        name=name,
        title=benchmark.title,
        draw=draw,
        build=benchmark.build,
        diagram=benchmark.diagram,
        about=(about,),
    )


# The tables darts_trained_… have cells that nasbench301 draws or, with `none`, nds_darts.
_DRAWN = {*SEARCHSPACES, *STAGES, "nasbench301"}
SPACES = tuple(_space(benchmark) for benchmark in BENCHMARKS if benchmark.name in _DRAWN)
