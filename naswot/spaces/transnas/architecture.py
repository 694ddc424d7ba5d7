"""Architectures of TransNAS-Bench-101 as strings: list them in order, and parse one.

``64-41414-1_02_333`` is a micro architecture, ``64-1234-basic`` a macro architecture. 64 is the
number of channels behind the stem, in all architectures. Then comes one digit for each module, two
cells of equal shape:

    1  nothing changes        3  the first cell halves the resolution
    2  channels double        4  both

Micro: the modules are always 41414. The cell has four nodes and on each of the edges 0→1, 0→2, 1→2,
0→3, 1→3, 2→3 one of four operations, by its position in `OPERATIONS`; ``_`` separates the nodes
that the edges enter. A node is the sum of its edges.

Macro: the cell is always ResNet's basic block. There are 4 to 6 modules, of which 1 to 3 double the
channels and 1 to 4 halve the resolution.

Source: Duan et al., "TransNAS-Bench-101: Improving Transferability and Generalizability of
Cross-Task Neural Architecture Search", CVPR 2021; yawen-d/TransNASBench, ``README.md`` and
``lib/models/net_infer``.
"""

import functools
import itertools
from typing import NamedTuple

from naswot.errors import NaswotError, shown

STEM = 64  # channels behind the stem
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
MICRO_MODULES = "41414"
BASIC = "basic"
DEPTHS = (4, 5, 6)  # modules of a macro architecture
KINDS = (1, 2, 3, 4)  # of modules
DOUBLE = (2, 4)  # the kinds that double the channels
HALVE = (3, 4)  # the kinds that halve the resolution
DOUBLINGS, HALVINGS = (1, 2, 3), (1, 2, 3, 4)  # in a macro architecture
MICRO_SIZE = len(OPERATIONS) ** len(EDGES)
MACRO_SIZE = 3256

MICRO_FORM, MACRO_FORM = "64-41414-1_02_333", "64-1234-basic"


class Module(NamedTuple):
    """A module: the channels of its cells, and the stride of the first one."""

    channels: int
    stride: int


class Architecture(NamedTuple):
    """What a string says.

    Attributes:
        modules: the modules, from the stem to the head.
        operations: those of the cell, in the order of `EDGES`; None for ResNet's basic block.
    """

    modules: tuple[Module, ...]
    operations: tuple[str, ...] | None


def parse_micro(arch: str) -> Architecture:
    """Return the parts of micro architecture `arch`.

    Raises:
        NaswotError: `arch` is not in the space; the message names the wrong part.
    """
    modules, cell = _parts(arch, "micro", MICRO_FORM)
    if modules != MICRO_MODULES:
        raise _malformed(
            arch, "micro", MICRO_FORM, f"its modules are {shown(modules)} instead of 41414"
        )
    groups = cell.split("_")
    if list(map(len, groups)) != [1, 2, 3]:
        why = f"the cell {shown(cell)} should have 1, 2 and 3 digits, joined by '_'"
        raise _malformed(arch, "micro", MICRO_FORM, why)
    known = {str(number): name for number, name in enumerate(OPERATIONS)}
    for digit in "".join(groups):
        if digit not in known:
            named = ", ".join(f"{number} ({name})" for number, name in known.items())
            why = f"{shown(digit)} in the cell {shown(cell)} is not one of {named}"
            raise _malformed(arch, "micro", MICRO_FORM, why)
    return Architecture(_modules(modules), tuple(known[digit] for digit in "".join(groups)))


def parse_macro(arch: str) -> Architecture:
    """Return the parts of macro architecture `arch`.

    Raises:
        NaswotError: `arch` is not in the space; the message names the wrong part.
    """
    modules, cell = _parts(arch, "macro", MACRO_FORM)
    reason = ""
    if cell != BASIC:
        reason = f"the cell is {shown(cell)} instead of {BASIC}"
    elif strange := [digit for digit in modules if digit not in "1234"]:
        reason = f"{shown(strange[0])} in {shown(modules)} is not a kind of module, 1 to 4"
    elif len(modules) not in DEPTHS:
        reason = f"{shown(modules)} has {len(modules)} modules instead of 4 to 6"
    elif (count := sum(int(digit) in DOUBLE for digit in modules)) not in DOUBLINGS:
        reason = f"{modules} doubles the channels {count} times instead of 1 to 3"
    elif (count := sum(int(digit) in HALVE for digit in modules)) not in HALVINGS:
        reason = f"{modules} halves the resolution {count} times instead of 1 to 4"
    if reason:
        raise _malformed(arch, "macro", MACRO_FORM, reason)
    return Architecture(_modules(modules), None)


def micro_string(operations: tuple[str, ...]) -> str:
    """Write six operations, in the order of `EDGES`, as a micro architecture."""
    digits = "".join(str(OPERATIONS.index(name)) for name in operations)
    return f"{STEM}-{MICRO_MODULES}-{digits[0]}_{digits[1:3]}_{digits[3:]}"


def macro_string(kinds: tuple[int, ...]) -> str:
    """Write the kinds of the modules as a macro architecture."""
    return f"{STEM}-{''.join(map(str, kinds))}-{BASIC}"


@functools.cache
def micro_architectures() -> tuple[str, ...]:
    """Return all 4,096 micro architectures in the benchmark's order: that of their digits."""
    return tuple(map(micro_string, itertools.product(OPERATIONS, repeat=len(EDGES))))


@functools.cache
def macro_architectures() -> tuple[str, ...]:
    """Return all 3,256 macro architectures in the benchmark's order.

    They ascend by depth, then by the number of doublings, then by that of halvings, then by the
    places of the doublings, then by those of the halvings. So they stand in public tables that were
    written by a loop over the official file; its readme shows ``64-2311-basic`` at index 1.
    """
    found = []
    for depth in DEPTHS:
        for doublings, halvings in itertools.product(DOUBLINGS, HALVINGS):
            places = (
                itertools.combinations(range(depth), count) for count in (doublings, halvings)
            )
            for doubled, halved in itertools.product(*places):
                kinds = (1 + (at in doubled) + 2 * (at in halved) for at in range(depth))
                found.append(macro_string(tuple(kinds)))
    return tuple(found)


def micro_genes(arch: str) -> tuple[int, ...]:
    """Return the six operations of micro architecture `arch` as positions in `OPERATIONS`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    return tuple(map(OPERATIONS.index, parse_micro(arch).operations or ()))


def macro_genes(arch: str) -> tuple[int, ...]:
    """Return the kinds, from 1, of the 4 to 6 modules of macro architecture `arch`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    parse_macro(arch)
    return tuple(map(int, arch.split("-")[1]))


def micro_canonical(arch: str) -> str:
    """Return `arch` itself after checking it; isomorphic cells are not looked for.

    The notation of NAS-Bench-201 does not serve: there a skip connection is its source, but here
    one that leaves node 0 of a cell that changes the shape is a convolution with its own weights.

    Raises:
        NaswotError: `arch` is malformed.
    """
    parse_micro(arch)
    return arch


def macro_canonical(arch: str) -> str:
    """Return `arch` itself after checking it: the space has no isomorphic architectures.

    Raises:
        NaswotError: `arch` is malformed.
    """
    parse_macro(arch)
    return arch


def _parts(arch: str, kind: str, form: str) -> tuple[str, str]:
    """Return the digits of the modules, and the cell."""
    parts = arch.split("-")
    if len(parts) != 3:
        raise _malformed(
            arch, kind, form, f"it has {len(parts)} part(s) joined by '-' instead of 3"
        )
    stem, modules, cell = parts
    if stem != str(STEM):
        raise _malformed(arch, kind, form, f"it begins with {shown(stem)} instead of {STEM}")
    return modules, cell


def _modules(digits: str) -> tuple[Module, ...]:
    channels, modules = STEM, []
    for kind in map(int, digits):
        channels *= 2 if kind in DOUBLE else 1
        modules.append(Module(channels, 2 if kind in HALVE else 1))
    return tuple(modules)


def _malformed(arch: str, kind: str, form: str, reason: str) -> NaswotError:
    return NaswotError(
        f"{shown(arch)} is not a TransNAS-Bench-101 {kind} architecture such as {form}: {reason}."
    )
