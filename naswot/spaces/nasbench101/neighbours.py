"""Find the cells of NAS-Bench-101 that are one mutation apart.

One mutation adds or removes an edge, changes the operation of a vertex, or inserts a new vertex
with any operation between vertices i and j: it adds the edges from i to the new vertex and from
there to j. Then vertices and edges on no path from input to output are pruned. The pruned cell must
have at most 7 vertices and 9 edges (`_check_spec` in `api.py` of google-research/nasbench).

Cells are graphs, so the order in which their vertices are written does not matter: an edge or a
vertex may be added from i to j wherever no path leads from j to i.

All cells are mutated at once. The 423,624 cells have only a few thousand different graphs, whose
edits are listed one by one. The edited cells are then looked up by a 64-bit number that isomorphic
cells share.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from naswot.errors import NaswotError
from naswot.runtime.progress import Progress
from naswot.spaces.nasbench101.cells import MAX_EDGES, MAX_VERTICES, OPERATIONS, Cell, parse

# A graph is a number: bit k says whether the k-th of the pairs (0,1), (0,2), …, (5,6) of vertices
# is an edge. Vertex 0 is the input; the highest vertex with an edge is the output.
_PAIRS = tuple(combinations(range(MAX_VERTICES), 2))
_BIT = {pair: 1 << k for k, pair in enumerate(_PAIRS)}

# Labels of vertices.
_ABSENT, _INPUT, _OUTPUT, _FIRST = 0, 1, 2, 3
_OPERATIONS = range(_FIRST, _FIRST + len(OPERATIONS))
_LABELS = {"input": _INPUT, "output": _OUTPUT, **dict(zip(OPERATIONS, _OPERATIONS, strict=True))}

# Columns of `_label_columns`, where a vertex of an edited cell takes its label from.
_NOWHERE, _NEW = MAX_VERTICES, MAX_VERTICES + 1
_CHANGED = _NEW + len(OPERATIONS)

_AT_ONCE = 1 << 17  # edited cells that are looked up together, about 30 MB
_IN_CACHE = 1 << 13  # edited cells that are hashed together, so that they fit in the cache

# Odd factors of a vertex's own hash, of its sources' and of its targets'; then SplitMix64's.
_SELF, _INTO, _OUT = map(np.uint64, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
_STEP, *_FACTORS = map(np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def one_apart(architectures: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of the listed cells where one mutation turns the first into the second.

    The relation is not symmetric: removing an edge may prune several vertices, which no single
    mutation brings back.

    Args:
        architectures: n cells as JSON text, at least one, no two isomorphic.

    Returns:
        Positions (P,) of cells and (P,) of their mutations, ascending.

    Raises:
        NaswotError: a cell is malformed, or two are isomorphic.
    """
    graphs, graph_of, labels = _read(architectures)
    listed = _invariants(np.array(graphs, np.int64)[graph_of], labels)
    order = np.argsort(listed, kind="stable")
    listed = listed[order]
    double = np.flatnonzero(listed[1:] == listed[:-1])
    if len(double):
        first, second = (architectures[order[double[0] + k]] for k in (0, 1))
        raise NaswotError(f"Cells {first} and {second} are isomorphic: list one of them.")
    found = [np.empty(0, np.int64)]
    for cells, edited, relabelled in _mutated(graphs, graph_of, labels):
        sought = _invariants(edited, relabelled)
        position = np.minimum(np.searchsorted(listed, sought), len(listed) - 1)
        hit = (listed[position] == sought) & (order[position] != cells)
        found.append(np.unique(cells[hit] * len(listed) + order[position[hit]]))
    return np.divmod(np.sort(np.concatenate(found)), len(listed))


def invariants(architectures: Sequence[str]) -> np.ndarray:
    """Return for each cell, given as JSON text, a number that its isomorphs share: (n,) uint64.

    Raises:
        NaswotError: a cell is malformed.
    """
    graphs, graph_of, labels = _read(architectures)
    return _invariants(np.array(graphs, np.int64)[graph_of], labels)


def _read(architectures: Sequence[str]) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Return the different graphs of all cells, the graph of each (n,), its labels (n, 7) uint8.

    All cells share a few thousand matrices and a few hundred lists of operations. Each of these is
    parsed once.
    """
    matrices: dict[str, tuple[int, int, list[int]]] = {}  # graph, vertex count, kept vertices
    operations: dict[str, list[int]] = {}  # labels
    graphs: dict[int, int] = {}
    graph_of = np.empty(len(architectures), np.int64)
    labels = np.full((len(architectures), MAX_VERTICES), _ABSENT, np.uint8)
    for position, arch in enumerate(architectures):
        matrix, _, names = arch.partition(',"ops":')
        if not (_is_matrix(matrix) and _are_operations(names)):
            matrix = names = arch  # JSON that is formatted differently
        if matrix not in matrices or names not in operations:
            cell = parse(arch)
            graph, kept = _pruned(_edges(cell), len(cell.operations) - 1)  # type: ignore[misc]
            matrices[matrix] = graphs.setdefault(graph, len(graphs)), len(cell.operations), kept
            operations[names] = [_LABELS[name] for name in cell.operations]
        graph_of[position], size, kept = matrices[matrix]
        named = operations[names]
        if size != len(named):
            parse(arch)  # raises the error that says so
        labels[position, : len(kept)] = [named[vertex] for vertex in kept]
    return list(graphs), graph_of, labels


@functools.cache
def _is_matrix(text: str) -> bool:
    return re.fullmatch(r'\{"matrix":\[[\[\]01,]+\]', text) is not None


@functools.cache
def _are_operations(text: str) -> bool:
    return re.fullmatch(r'\["input"(,"[\w-]+")*\]\}', text) is not None


def _edges(cell: Cell) -> set[tuple[int, int]]:
    return {(i, j) for i, row in enumerate(cell.matrix) for j, edge in enumerate(row) if edge}


def _leads(edges: set[tuple[int, int]], vertices: int) -> list[set[int]]:
    """Return for each vertex the vertices that it leads to, including itself."""
    leads = [{vertex} for vertex in range(vertices)]
    for _ in range(vertices):  # more than the edges of any path
        for i, j in edges:
            leads[i] |= leads[j]
    return leads


def _pruned(edges: set[tuple[int, int]], last: int) -> tuple[int, list[int]] | None:
    """Return the subgraph of all paths from vertex 0 to vertex `last`.

    Returns:
        The graph, and its vertices in an order in which all edges lead forward; None if there is
        no path, or the graph is too large.
    """
    leads = _leads(edges, 1 + max(map(max, edges), default=last))
    kept = [vertex for vertex in leads[0] if last in leads[vertex]]
    kept.sort(key=lambda vertex: -len(leads[vertex]))  # a source leads to more than its target
    position = {vertex: k for k, vertex in enumerate(kept)}
    inner = [(position[i], position[j]) for i, j in edges if i in position and j in position]
    if not inner or len(kept) > MAX_VERTICES or len(inner) > MAX_EDGES:
        return None
    return sum(_BIT[pair] for pair in inner), kept


def _edits(graph: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all mutations of a graph: graphs (E,), and columns (E, 7) of `_label_columns`.

    The columns say where the vertices take their labels from.
    """
    edges = {pair for pair, bit in _BIT.items() if graph & bit}
    last = max(map(max, edges))
    leads = _leads(edges, last + 1)
    free = [(i, j) for i in range(last) for j in range(1, last + 1) if i not in leads[j]]
    nothing: dict[int, int] = {}
    edited = [(_pruned(edges - {edge}, last), nothing) for edge in edges]
    edited += [(_pruned(edges | {edge}, last), nothing) for edge in free if edge not in edges]
    new = last + 1
    for i, j in free if new < MAX_VERTICES else ():
        pruned = _pruned(edges | {(i, new), (new, j)}, last)
        edited += [(pruned, {new: _NEW + k}) for k in range(len(OPERATIONS))]
    same = graph, list(range(last + 1))
    for k in range(len(OPERATIONS) - 1):
        edited += [(same, {v: _CHANGED + MAX_VERTICES * k + v}) for v in range(1, last)]
    valid = [(*pruned, replaced) for pruned, replaced in edited if pruned]
    columns = np.full((len(valid), MAX_VERTICES), _NOWHERE)
    for row, (_, vertices, replaced) in zip(columns, valid, strict=True):
        row[: len(vertices)] = [replaced.get(vertex, vertex) for vertex in vertices]
    return np.array([graph for graph, *_ in valid], np.int64), columns


def _label_columns(labels: np.ndarray) -> np.ndarray:
    """Return labels (m, 7), and beside them: no label, each new label, the changed labels."""
    others = [np.full((len(labels), 1), label, np.uint8) for label in (_ABSENT, *_OPERATIONS)]
    changed = [
        np.uint8(_FIRST) + (labels - np.uint8(_FIRST) + np.uint8(step)) % np.uint8(len(OPERATIONS))
        for step in range(1, len(OPERATIONS))
    ]
    return np.hstack([labels, *others, *changed])


def _mutated(
    graphs: Sequence[int], graph_of: np.ndarray, labels: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the mutations of all cells, many at once.

    Yields:
        Positions of the cells (m,), their edited graphs (m,) and labels (m, 7).
    """
    order = np.argsort(graph_of, kind="stable")
    members = np.split(order, np.searchsorted(graph_of[order], np.arange(1, len(graphs))))
    progress = Progress("Mutating cells", len(graphs), "graphs")
    parts, count = [], 0
    for number, (graph, cells) in enumerate(zip(graphs, members, strict=True), 1):
        edited, columns = _edits(graph)
        relabelled = _label_columns(labels[cells])[:, columns].reshape(-1, MAX_VERTICES)
        parts.append((np.repeat(cells, len(edited)), np.tile(edited, len(cells)), relabelled))
        count += len(relabelled)
        if count > _AT_ONCE or number == len(graphs):
            yield tuple(map(np.concatenate, zip(*parts, strict=True)))  # type: ignore[misc]
            parts, count = [], 0
        progress.advance()


def _invariants(graphs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each cell, of graphs (n,) with labels (n, 7), a number that its isomorphs share.

    It is the benchmark's hash (`cells.module_hash`) in 64-bit arithmetic, with sums of the
    neighbours' hashes instead of sorted lists. Each vertex starts with its label and is combined
    with its neighbours: once for its degrees, then as many times as in the benchmark.
    """
    found = np.empty(len(graphs), np.uint64)
    for start in range(0, len(graphs), _IN_CACHE):
        part = slice(start, start + _IN_CACHE)
        found[part] = _hashed(graphs[part], np.ascontiguousarray(labels[part].T))
    return found


def _hashed(graphs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the invariants (m,) of graphs (m,) with labels (7, m)."""
    edges = [
        (i, j, np.negative(graphs >> k & 1).view(np.uint64))  # all bits or none
        for k, (i, j) in enumerate(_PAIRS)
    ]
    colours = _mixed(labels.astype(np.uint64))
    for _ in range(1 + MAX_VERTICES):
        into, out = colours * _INTO, colours * _OUT
        colours *= _SELF
        for i, j, edge in edges:
            colours[j] += into[i] & edge
            colours[i] += out[j] & edge
        colours = _mixed(colours)
    return np.where(labels != _ABSENT, colours, np.uint64(0)).sum(axis=0)


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Mix the bits of uint64 numbers as SplitMix64 does (Steele, Lea & Flood, OOPSLA 2014)."""
    mixed = numbers + _STEP
    for shift, factor in zip((30, 27), _FACTORS, strict=True):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= factor
    return mixed ^ mixed >> np.uint64(31)
