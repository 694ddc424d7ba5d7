"""Architectures of NDS as strings: read, checked, and written in one form.

Both kinds are JSON. A network of cells, in any of the sets of `SEARCHSPACES`::

    {"searchspace": "DARTS", "net": {"width": 16, "depth": 8, "aux": false, "drop_prob": 0.0,
     "genotype": {"normal": [["sep_conv_3x3", 1], …], "normal_concat": [2, 3, 4, 5],
                  "reduce": […], "reduce_concat": […]}}}

Pairs 2k and 2k+1 of a cell, each an operation and its input, add up to node k + 2. Input 0 is
the output of the cell before the previous one, 1 that of the previous cell, others are nodes.
``concat`` lists the nodes that make up the output. ``drop_prob`` concerns training alone.

A ResNet, ResNeXt or Vanilla network, as keyword arguments of an AnyNet; lists have an entry a
stage, ``bms`` (bottleneck width / width) and ``gws`` (channels a group) only for bottlenecks::

    {"stem_type": "res_stem_cifar", "stem_w": 16, "se_r": null, "ss": [1, 2, 2],
     "block_type": "res_bottleneck_block", "ds": [16, 1, 4], "ws": [64, 128, 16],
     "bms": [0.25, 0.25, 0.25], "gws": [8, 32, 2]}
"""

import json
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from naswot.errors import NaswotError

# Names of the sets of cell networks in NDS's files; "_in" are trained on ImageNet, and width and
# depth do not vary in "_fix-w-d".
_CELLS = ("Amoeba", "DARTS", "ENAS", "NASNet", "PNAS")
SEARCHSPACES = {
    f"nds_{name.lower()}": name
    for name in (
        *_CELLS,
        *(f"{cells}_fix-w-d" for cells in ("DARTS", "ENAS", "PNAS")),
        *(f"{cells}_in" for cells in _CELLS),
    )
}
BLOCKS = {
    "nds_resnet": "res_basic_block",
    "nds_resnext-a": "res_bottleneck_block",
    "nds_resnext-b": "res_bottleneck_block",
    "nds_vanilla": "vanilla_block",
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

STEM = "res_stem_cifar"
LARGEST = 1024  # of widths and depths: far above NDS's, and a network that can still be built


@dataclass(frozen=True)
class Cell:
    """A cell: (operation, input) pairs, two a node, and the nodes that make up its output."""

    edges: tuple[tuple[str, int], ...]
    concat: tuple[int, ...]


@dataclass(frozen=True)
class CellNetwork:
    """A stack of `depth` cells, the first with `width` channels a node."""

    searchspace: str
    width: int
    depth: int
    aux: bool
    drop_prob: float
    normal: Cell
    reduce: Cell

    @property
    def imagenet(self) -> bool:
        """Whether NDS trained it on ImageNet (1000 classes, another stem) and not on CIFAR-10."""
        return self.searchspace.endswith("_in")


@dataclass(frozen=True)
class Stage:
    """`depth` blocks with `width` channels, the first with `stride`."""

    depth: int
    width: int
    stride: int
    bottleneck: int = 0  # channels inside a bottleneck block
    group_width: int = 0  # channels a group of its 3×3 convolution


@dataclass(frozen=True)
class AnyNetwork:
    """A stem with `stem_width` channels and stages of one kind of block."""

    stem_width: int
    block: str
    stages: tuple[Stage, ...]


class _FaultError(Exception):
    """What is wrong with an architecture, without its name."""


def parse(arch: str) -> CellNetwork | AnyNetwork:
    """Return the network that architecture string `arch` describes.

    Raises:
        NaswotError: `arch` is not of either form; the message names the offending part.
    """
    return _read(arch)[0]


def canonical(arch: str, space: str | None = None) -> str:
    """Return `arch` in its one form: keys in the order above, no blanks, floats as floats.

    Args:
        arch: an architecture string.
        space: one of `SPACES_NDS` that it has to belong to; by default any.

    Raises:
        NaswotError: `arch` is malformed, or of another space.
    """
    network, normal_form = _read(arch)
    if space is not None:
        if isinstance(network, CellNetwork):
            belongs = SEARCHSPACES.get(space) == network.searchspace
        else:
            belongs = BLOCKS.get(space) == network.block
        if not belongs:
            raise NaswotError(f"{_excerpt(arch)} is not an architecture of {space}.")
    return json.dumps(normal_form, separators=(",", ":"))


def from_record(space: str, net: dict) -> str:
    """Return the architecture string of the entry ``net`` of a record in an NDS file.

    For ResNet, ResNeXt and Vanilla, entry 0 of every list describes the stem, and ``num_gs``
    is the number of groups.

    Args:
        space: one of `SPACES_NDS`.
        net: what ``net`` holds, keys as in the file.

    Raises:
        NaswotError: unknown space, or `net` is malformed; the message names the offending part.
    """
    if space not in SPACES_NDS:
        raise NaswotError(f"There is no NDS space {space!r}; there are: {', '.join(SPACES_NDS)}.")
    try:
        if space in SEARCHSPACES:
            names = ("width", "depth", "aux", "drop_prob", "genotype")
            values = dict(zip(names, _fields(net, "net", names, others=True), strict=True))
            described = {"searchspace": SEARCHSPACES[space], "net": values}
        else:
            described = _anynet_arguments(net)
    except _FaultError as fault:
        raise NaswotError(f"{_excerpt(repr(net))} is not an NDS record: {fault}.") from None
    return canonical(json.dumps(described), space)


def _anynet_arguments(net: dict) -> dict:
    names = ("block_type", "ds", "ws", "ss", "bot_muls", "num_gs")
    block, *lists = _fields(net, "net", names, others=True)
    for name, values in zip(names[1:], lists, strict=True):
        _list(values, f"net.{name}")
    ds, ws, ss, bot_muls, num_gs = lists
    if len(ws) < 2 or ds[:1] != [1] or ss[:1] != [1]:
        raise _FaultError("entry 0 of net.ds, net.ws and net.ss should be the stem's: 1, its width, 1")
    group_widths = []
    if num_gs or bot_muls:
        if not len(ws) == len(bot_muls) == len(num_gs):
            raise _FaultError("net.ws, net.bot_muls and net.num_gs should have an entry a stage")
        for i, groups in enumerate(num_gs[1:], start=1):
            bottleneck = _bottleneck(ws[i], bot_muls[i], f"[{i}]")
            if bottleneck % _integer(groups, f"net.num_gs[{i}]"):
                raise _FaultError(f"net.num_gs[{i}] is {groups} and does not divide {bottleneck}")
            group_widths.append(bottleneck // groups)
    return {
        "stem_type": STEM,
        "stem_w": ws[0],
        "se_r": None,
        "ss": ss[1:],
        "block_type": "vanilla_block" if block == "double_plain_block" else block,
        "ds": ds[1:],
        "ws": ws[1:],
        "bms": bot_muls[1:],
        "gws": group_widths,
    }


def _read(arch: str) -> tuple[CellNetwork | AnyNetwork, dict]:
    """Return the network of `arch`, and its normal form as JSON values."""
    try:
        try:
            described = json.loads(arch)
        except (ValueError, RecursionError) as error:
            raise _FaultError(f"it is not JSON ({error})") from None
        if isinstance(described, dict) and "block_type" in described:
            return _read_anynet(described)
        return _read_cells(described)
    except _FaultError as fault:
        raise NaswotError(f"{_excerpt(arch)} is not an NDS architecture: {fault}.") from None


def _read_cells(described: Any) -> tuple[CellNetwork, dict]:
    searchspace, net = _fields(described, "it", ("searchspace", "net"))
    _choice(searchspace, "searchspace", list(SEARCHSPACES.values()))
    width, depth, aux, drop_prob, genotype = _fields(
        net, "net", ("width", "depth", "aux", "drop_prob", "genotype")
    )
    if type(aux) is not bool:
        _wrong(aux, "net.aux", "true or false")
    kinds = ("normal", "normal_concat", "reduce", "reduce_concat")
    normal, normal_concat, reduce, reduce_concat = _fields(genotype, "net.genotype", kinds)
    network = CellNetwork(
        searchspace,
        _integer(width, "net.width"),
        _integer(depth, "net.depth"),
        aux,
        _number(drop_prob, "net.drop_prob", 0, 1),
        _cell(normal, normal_concat, "net.genotype.normal"),
        _cell(reduce, reduce_concat, "net.genotype.reduce"),
    )
    if network.imagenet and width % 2:
        _wrong(width, "net.width", "even for ImageNet networks")
    genotype = dict(zip(kinds, (normal, normal_concat, reduce, reduce_concat), strict=True))
    values = {"width": width, "depth": depth, "aux": aux, "drop_prob": network.drop_prob}
    return network, {"searchspace": searchspace, "net": values | {"genotype": genotype}}


def _cell(edges: Any, concat: Any, path: str) -> Cell:
    if not _list(edges, path) or len(edges) % 2:
        raise _FaultError(f"{path} has {len(edges)} pairs; it should have two for each node")
    for i, edge in enumerate(edges):
        if len(_list(edge, f"{path}[{i}]")) != 2:
            _wrong(edge, f"{path}[{i}]", "an operation and its input")
        _choice(edge[0], f"{path}[{i}][0]", OPERATIONS)
        _integer(edge[1], f"{path}[{i}][1]", 0, 1 + i // 2)
    path = f"{path}_concat"
    for i, node in enumerate(_list(concat, path)):
        _integer(node, f"{path}[{i}]", 2, 1 + len(edges) // 2)
    if not concat or len(set(concat)) < len(concat):
        _wrong(concat, path, "one or more different nodes")
    return Cell(tuple((operation, source) for operation, source in edges), tuple(concat))


def _read_anynet(described: dict) -> tuple[AnyNetwork, dict]:
    names = ("stem_type", "stem_w", "se_r", "ss", "block_type", "ds", "ws", "bms", "gws")
    stem, stem_width, se_r, ss, block, ds, ws, bms, gws = _fields(described, "it", names)
    _choice(stem, "stem_type", (STEM,))
    _choice(block, "block_type", sorted(set(BLOCKS.values())))
    if se_r is not None:
        _wrong(se_r, "se_r", "null, for NDS has no squeeze-and-excitation")
    if not _list(ds, "ds"):
        raise _FaultError("ds is empty; it should have an entry a stage")
    inner = len(ds) if block == "res_bottleneck_block" else 0
    lengths = {"ws": len(ds), "ss": len(ds), "bms": inner, "gws": inner}
    for name, length in lengths.items():
        if len(_list(described[name], name)) != length:
            raise _FaultError(f"{name} has {len(described[name])} entries; it should have {length}")
    stages = []
    for i in range(len(ds)):
        bottleneck = _bottleneck(ws[i], bms[i], f"[{i}]") if inner else 0
        group_width = _integer(gws[i], f"gws[{i}]", 1, bottleneck) if inner else 0
        if inner and bottleneck % group_width:
            raise _FaultError(f"gws[{i}] is {group_width} and does not divide {bottleneck}")
        depth, width = _integer(ds[i], f"ds[{i}]"), _integer(ws[i], f"ws[{i}]")
        stages.append(
            Stage(depth, width, _integer(ss[i], f"ss[{i}]", 1, 2), bottleneck, group_width)
        )
    network = AnyNetwork(_integer(stem_width, "stem_w"), block, tuple(stages))
    normal_form = {name: described[name] for name in names} | {"bms": [float(bm) for bm in bms]}
    return network, normal_form


def _bottleneck(width: Any, multiplier: Any, entry: str) -> int:
    """Return the channels inside a bottleneck block of `width` channels."""
    multiplier = _number(multiplier, f"the bottleneck multiplier {entry}", 0, 4)
    return max(1, round(_integer(width, f"ws{entry}") * multiplier))


def _fields(value: Any, path: str, names: Sequence[str], others: bool = False) -> list:
    """Return the values of an object's keys `names`; it must have them, and no `others`."""
    if type(value) is not dict:
        _wrong(value, path, "an object with the keys " + ", ".join(names))
    for name in names:
        if name not in value:
            raise _FaultError(f"{path} has no key {name!r}")
    unknown = [name for name in value if name not in names]
    if unknown and not others:
        raise _FaultError(f"{path} has a key {_excerpt(unknown[0])}; its keys are {', '.join(names)}")
    return [value[name] for name in names]


def _list(value: Any, path: str) -> list:
    return value if type(value) is list else _wrong(value, path, "a list")


def _choice(value: Any, path: str, choices: Sequence[str]) -> None:
    if type(value) is not str or value not in choices:
        _wrong(
            value, path, " or ".join((", ".join(choices[:-1]), choices[-1])).removeprefix(" or ")
        )


def _integer(value: Any, path: str, lowest: int = 1, highest: int = LARGEST) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        _wrong(value, path, f"a whole number from {lowest} to {highest}")
    return value


def _number(value: Any, path: str, lowest: float, highest: float) -> float:
    if type(value) not in (int, float) or not lowest <= value <= highest:
        _wrong(value, path, f"a number from {lowest} to {highest}")
    return float(value)


def _wrong(value: Any, path: str, expected: str) -> NoReturn:
    raise _FaultError(f"{path} is {reprlib.repr(value)}; it should be {expected}")


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 120 else f"{text[:119]}…")
