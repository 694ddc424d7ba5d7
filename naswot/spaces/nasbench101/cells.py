"""Cells of NAS-Bench-101: graphs of at most 7 vertices and 9 edges.

A cell is written as JSON, ``{"matrix":[[0,1],[0,0]],"ops":["input","output"]}``: the upper
triangular adjacency matrix and the operation of each vertex. Vertex 0 is the input, the last
vertex the output. Source: Ying et al., "NAS-Bench-101: Towards Reproducible Neural
Architecture Search", ICML 2019.
"""

import hashlib
import json
from dataclasses import dataclass

from naswot.errors import NaswotError, shown

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
MAX_VERTICES = 7
MAX_EDGES = 9
SIZE = 423_624  # distinct cells, as the benchmark's paper counts them

_FORM = '{"matrix":[[0,1],[0,0]],"ops":["input","output"]}'


@dataclass(frozen=True)
class Cell:
    """A cell: `matrix[i][j]` is 1 where vertex i feeds vertex j; `operations` names each vertex."""

    matrix: tuple[tuple[int, ...], ...]
    operations: tuple[str, ...]

    def sources(self, vertex: int) -> list[int]:
        """Return the vertices that feed `vertex`, in order."""
        return [source for source in range(vertex) if self.matrix[source][vertex]]


def to_string(cell: Cell) -> str:
    """Write a cell as its JSON text."""
    described = {"matrix": cell.matrix, "ops": cell.operations}
    return json.dumps(described, separators=(",", ":"))


def parse(arch: str) -> Cell:
    """Return the cell of JSON text `arch`, not pruned; if it has a key `hash`, that is checked.

    Raises:
        NaswotError: `arch` is not a cell of the space; the message names the wrong part.
    """
    try:
        described = json.loads(arch)
        matrix, operations = described["matrix"], described["ops"]
        size = len(matrix)
        shape = {len(row) for row in matrix}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _malformed(arch, f"it cannot be read ({type(error).__name__}: {error})") from None
    if not isinstance(operations, list) or not 2 <= size <= MAX_VERTICES or shape != {size}:
        raise _malformed(arch, f"the matrix must be square, of 2 to {MAX_VERTICES} vertices")
    if len(operations) != size:
        raise _malformed(arch, f"there are {len(operations)} operations for {size} vertices")
    for i, row in enumerate(matrix):
        for j, entry in enumerate(row):
            if type(entry) is not int or entry not in (0, 1) or (entry and i >= j):
                raise _malformed(
                    arch, f"entry ({i}, {j}) is {shown(entry)}; edges are 1 and above the diagonal"
                )
    edges = sum(map(sum, matrix))
    if edges > MAX_EDGES:
        raise _malformed(arch, f"it has {edges} edges, more than {MAX_EDGES}")
    for vertex, (name, allowed) in enumerate(
        zip(operations, (("input",), *[OPERATIONS] * (size - 2), ("output",)), strict=True)
    ):
        if name not in allowed:
            raise _malformed(
                arch, f"operation {vertex} is {shown(name)}, not {' or '.join(allowed)}"
            )
    cell = Cell(tuple(map(tuple, matrix)), tuple(operations))
    pruned = prune(cell)
    if pruned is None:
        raise _malformed(arch, "no path leads from the input to the output")
    if described.get("hash", module_hash(pruned)) != module_hash(pruned):
        raise _malformed(arch, f"its hash is {module_hash(pruned)}, not {shown(described['hash'])}")
    return cell


def _malformed(arch: str, reason: str) -> NaswotError:
    shown = arch if len(arch) <= 300 else f"{arch[:300]}…"
    return NaswotError(f"{shown!r} is not a NAS-Bench-101 cell of the form {_FORM}: {reason}.")


def prune(cell: Cell) -> Cell | None:
    """Return `cell` without vertices on no path from input to output; None if there is no path."""
    size = len(cell.operations)
    from_input, to_output = {0}, {size - 1}
    for vertex in range(1, size):
        if from_input.intersection(cell.sources(vertex)):
            from_input.add(vertex)
    for vertex in range(size - 2, -1, -1):
        if any(cell.matrix[vertex][target] for target in to_output):
            to_output.add(vertex)
    kept = sorted(from_input & to_output)
    if 0 not in kept or size - 1 not in kept:
        return None
    matrix = tuple(tuple(cell.matrix[i][j] for j in kept) for i in kept)
    return Cell(matrix, tuple(cell.operations[vertex] for vertex in kept))


def module_hash(cell: Cell) -> str:
    """Return the benchmark's hash of a pruned cell, which isomorphic cells share.

    Each vertex starts with the MD5 of its out-degree, in-degree and label. Then, as many times as
    there are vertices, its hash is combined with the sorted hashes of its neighbours.
    """
    size = range(len(cell.operations))
    labels = [-1, *(OPERATIONS.index(name) for name in cell.operations[1:-1]), -2]
    into = [[source for source in size if cell.matrix[source][vertex]] for vertex in size]
    out = [[target for target in size if cell.matrix[vertex][target]] for vertex in size]
    hashes = [_md5(str((len(out[vertex]), len(into[vertex]), labels[vertex]))) for vertex in size]
    for _ in size:
        hashes = [
            _md5(
                "".join(sorted(hashes[source] for source in into[vertex]))
                + "|"
                + "".join(sorted(hashes[target] for target in out[vertex]))
                + "|"
                + hashes[vertex]
            )
            for vertex in size
        ]
    return _md5(str(sorted(hashes)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def canonical(arch: str) -> str:
    """Return the benchmark's hash of the cell of JSON text `arch`, which its isomorphs share.

    Raises:
        NaswotError: `arch` is malformed.
    """
    return module_hash(prune(parse(arch)))  # type: ignore[arg-type]


def vertex_channels(cell: Cell, c_in: int, c_out: int) -> list[int]:
    """Return the number of channels of each vertex of a pruned cell.

    The vertices that feed the output divide its channels among them; the first ones get one more
    if there is a remainder. Every other vertex has as many as the widest vertex that it feeds.
    """
    size = len(cell.operations)
    channels = [c_in, *[0] * (size - 2), c_out]
    ends = [vertex for vertex in range(1, size - 1) if cell.matrix[vertex][size - 1]]
    for number, vertex in enumerate(ends):
        channels[vertex] = c_out // len(ends) + (number < c_out % len(ends))
    for vertex in range(size - 2, 0, -1):
        if vertex not in ends:
            fed = [channels[t] for t in range(vertex + 1, size - 1) if cell.matrix[vertex][t]]
            channels[vertex] = max(fed)
    return channels
