"""Cells of NAS-Bench-201 as strings: list them in order, parse one, find its isomorphs.

A cell has four nodes; node 0 is its input and node 3 its output. Each of the six edges
0→1, 0→2, 1→2, 0→3, 1→3, 2→3 carries one of five operations, and a node is the sum of the
edges that enter it. The string lists the edges by target node,
``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.
"""

import functools
import itertools
import random

from naswot.errors import NaswotError, shown

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
SIZE = len(OPERATIONS) ** len(EDGES)
UNIQUE = 6466  # distinct canonical strings; the benchmark's paper gives the same number

# The benchmark's authors shuffled the lexicographic list with this seed before training.
_ORDER_SEED = 88

_FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"


def to_string(operations: tuple[str, ...]) -> str:
    """Write six operations, in the order of `EDGES`, as a cell string."""
    edges = [f"{op}~{source}" for op, (source, _) in zip(operations, EDGES, strict=True)]
    return f"|{edges[0]}|+|{edges[1]}|{edges[2]}|+|{edges[3]}|{edges[4]}|{edges[5]}|"


def parse(arch: str) -> tuple[str, ...]:
    """Return the six operations of cell string `arch`, in the order of `EDGES`.

    Raises:
        NaswotError: `arch` is not a cell of the space; the message names the wrong part.
    """
    groups = [group.strip() for group in arch.strip().split("+")]
    if len(groups) != 3:
        raise _malformed(arch, f"it has {len(groups)} groups joined by '+' instead of 3")
    operations = []
    for target, group in enumerate(groups, start=1):
        edges = group[1:-1].split("|")
        if not (len(group) > 2 and group[0] == group[-1] == "|") or len(edges) != target:
            raise _malformed(
                arch, f"group {shown(group)} should hold {target} edge(s) between bars"
            )
        for source, edge in enumerate(edges):
            operation, _, number = edge.partition("~")
            if operation not in OPERATIONS:
                raise _malformed(
                    arch, f"{shown(operation)} is not one of the operations {', '.join(OPERATIONS)}"
                )
            if number != str(source):
                raise _malformed(arch, f"edge {shown(edge)} should come from node {source}")
            operations.append(operation)
    return tuple(operations)


def genes(arch: str) -> tuple[int, ...]:
    """Return the six operations of `arch` as positions in `OPERATIONS`, in the order of `EDGES`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    return tuple(map(OPERATIONS.index, parse(arch)))


def _malformed(arch: str, reason: str) -> NaswotError:
    return NaswotError(f"{shown(arch)} is not a NAS-Bench-201 cell of the form {_FORM}: {reason}.")


@functools.cache
def architectures() -> tuple[str, ...]:
    """Return all 15,625 cell strings in the benchmark's official index order."""
    cells = [to_string(ops) for ops in itertools.product(OPERATIONS, repeat=len(EDGES))]
    random.Random(_ORDER_SEED).shuffle(cells)
    return tuple(cells)


def canonical(arch: str) -> str:
    """Return a string that two cells share if and only if they are isomorphic.

    Each node is written as the sorted sum of its inputs; a skip connection is written as its
    source, and ``#`` stands for an input that is always zero. This is the benchmark's own notation
    of unique cells.

    Raises:
        NaswotError: `arch` is malformed.
    """
    terms: list[list[str]] = [["0"], [], [], []]
    for operation, (source, target) in zip(parse(arch), EDGES, strict=True):
        origin = "+".join(sorted(terms[source]))
        if operation == "none" or origin == "#":
            terms[target].append("#")
        elif operation == "skip_connect":
            terms[target].append(origin)
        else:
            terms[target].append(f"({origin})@{operation}")
    return "+".join(sorted(terms[-1]))
