"""Compute the order and height of vertices in columns, for few crossings and straight edges."""

import functools
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

NODE_GAP = 20.0  # distance of the centres of two boxes in a column
EDGE_GAP = 12.0  # the same distance if one of the two is a passing edge
RESTARTS = 5
SWEEPS = 4
STRAIGHTENINGS = 20


@dataclass(frozen=True)
class Arrangement:
    """Vertices in columns: nodes are numbered first, then operations on edges, then passing edges.

    Attributes:
        columns: the vertices of each column, from top to bottom.
        rows: the height of each vertex; it grows downwards.
        operations: for each edge the vertex of its operation, or None.
        paths: for each edge its vertices, from source to target, one per column.
    """

    columns: tuple[tuple[int, ...], ...]
    rows: tuple[float, ...]
    operations: tuple[int | None, ...]
    paths: tuple[tuple[int, ...], ...]


@functools.lru_cache(maxsize=4096)
def arrange(layers: tuple[int, ...], edges: tuple[tuple[int, int, bool], ...]) -> Arrangement:
    """Return an arrangement of a graph, which is the same for equal graphs.

    Args:
        layers: the layer of each node; edges lead to higher layers.
        edges: source, target, and whether the edge has an operation.
    """
    nodes, step = len(layers), 2 if any(labelled for *_, labelled in edges) else 1
    members: list[list[int]] = [[] for _ in range(step * max(layers) + 1)]
    for node, layer in enumerate(layers):
        members[step * layer].append(node)
    operations = _place_operations(layers, edges, members)
    boxes = vertices = nodes + sum(vertex is not None for vertex in operations)
    paths = []
    for (source, target, _), operation in zip(edges, operations, strict=True):
        path = [source]
        for column in range(step * layers[source] + 1, step * layers[target]):
            if operation is not None and operation in members[column]:
                path.append(operation)
                continue
            members[column].append(vertices)
            path.append(vertices)
            vertices += 1
        paths.append((*path, target))
    links = [pair for path in paths for pair in itertools.pairwise(path)]
    columns = _order(members, links)
    rows = _rows(columns, links, boxes)
    return Arrangement(tuple(map(tuple, columns)), tuple(rows), tuple(operations), tuple(paths))


def _place_operations(
    layers: Sequence[int], edges: Sequence[tuple[int, int, bool]], members: list[list[int]]
) -> list[int | None]:
    """Add a vertex per operation, to the emptiest column near the middle of its edge."""
    operations: list[int | None] = [None] * len(edges)
    by_length = sorted(range(len(edges)), key=lambda i: layers[edges[i][1]] - layers[edges[i][0]])
    columns: dict[int, int] = {}
    for i in by_length:
        source, target, labelled = edges[i]
        if labelled:
            first, last = 2 * layers[source] + 1, 2 * layers[target] - 1
            middle = (first + last) / 2
            near = range(first, last + 1, 2)
            columns[i] = min(
                near,
                key=lambda column: (
                    abs(column - middle) // 2, list(columns.values()).count(column), column
                ),
            )  # fmt: skip
    for i, column in sorted(columns.items()):
        operations[i] = vertex = len(layers) + sum(
            operation is not None for operation in operations
        )
        members[column].append(vertex)
    return operations


def crossings(columns: Sequence[Sequence[int]], links: Sequence[tuple[int, int]]) -> int:
    """Return the number of crossings of links between neighbouring columns."""
    place = {vertex: i for column in columns for i, vertex in enumerate(column)}
    at = {vertex: i for i, column in enumerate(columns) for vertex in column}
    gaps: dict[int, list[tuple[int, int]]] = {}
    for source, target in links:
        gaps.setdefault(at[source], []).append((place[source], place[target]))
    return sum(
        (a - c) * (b - d) < 0
        for pairs in gaps.values()
        for i, (a, b) in enumerate(pairs)
        for c, d in pairs[:i]
    )


def _order(members: list[list[int]], links: list[tuple[int, int]]) -> list[list[int]]:
    """Return the columns in the best order found, by barycentres and swaps of neighbours."""
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for source, target in links:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    generator = random.Random(0)
    best, fewest = members, crossings(members, links)
    for restart in range(RESTARTS):
        columns = [list(column) for column in members]
        if restart:
            for column in columns:
                generator.shuffle(column)
        for sweep in range(SWEEPS):
            if not fewest:
                return best
            forwards = sweep % 2 == 0
            near = before if forwards else after
            indices = range(len(columns)) if forwards else range(len(columns) - 1, -1, -1)
            for i in indices:
                _sort(columns, i, near, i - 1 if forwards else i + 1)
            _swap(columns, before, after)
            found = crossings(columns, links)
            if found < fewest:
                best, fewest = [list(column) for column in columns], found
    return best


def _sort(columns: list[list[int]], i: int, near: dict[int, list[int]], other: int) -> None:
    """Sort column `i` by the mean position of each vertex's links in column `other`."""
    if not 0 <= other < len(columns):
        return
    position = {vertex: j for j, vertex in enumerate(columns[other])}
    current = {vertex: j for j, vertex in enumerate(columns[i])}

    def barycentre(vertex: int) -> float:
        linked = near.get(vertex, ())
        if not linked:
            return current[vertex]
        return sum(position[link] for link in linked) / len(linked)

    columns[i].sort(key=barycentre)


def _swap(
    columns: list[list[int]], before: dict[int, list[int]], after: dict[int, list[int]]
) -> None:
    """Swap neighbours within columns as long as this reduces crossings."""
    position = {vertex: i for column in columns for i, vertex in enumerate(column)}

    def excess(upper: int, lower: int) -> int:
        """Return by how many crossings a swap of the two would reduce the total."""
        found = 0
        for near in (before, after):
            others = [position[link] for link in near.get(lower, ())]
            for link in near.get(upper, ()) if others else ():
                here = position[link]
                for other in others:
                    found += (here > other) - (here < other)
        return found

    improved = True
    while improved:
        improved = False
        for column in columns:
            for i in range(len(column) - 1):
                upper, lower = column[i : i + 2]
                if excess(upper, lower) > 0:
                    column[i : i + 2] = lower, upper
                    position[upper], position[lower] = i + 1, i
                    improved = True


def _rows(columns: list[list[int]], links: list[tuple[int, int]], boxes: int) -> list[float]:
    """Return the height of each vertex; vertices below `boxes` are nodes and operations.

    Each is the weighted mean of its linked vertices, adjusted by least squares to keep the minimum
    distances in its column; passing edges have the largest weight, so that they are straight.
    """
    near: dict[int, list[tuple[int, float]]] = {}
    for source, target in links:
        weight = (1.0, 4.0, 20.0)[(source >= boxes) + (target >= boxes)]
        near.setdefault(source, []).append((target, weight))
        near.setdefault(target, []).append((source, weight))
    rows, offsets = [0.0] * sum(map(len, columns)), []
    for column in columns:
        offset = [0.0]
        for upper, lower in itertools.pairwise(column):
            both = upper < boxes and lower < boxes
            offset.append(offset[-1] + (NODE_GAP if both else EDGE_GAP))
        offsets.append(offset)
        for vertex, down in zip(column, offset, strict=True):
            rows[vertex] = down - offset[-1] / 2
    for turn in range(STRAIGHTENINGS):
        order = range(len(columns))
        for i in order if turn % 2 == 0 else reversed(order):
            wished, weights = [], []
            for vertex in columns[i]:
                linked = near.get(vertex, [(vertex, 1.0)])
                total = sum(weight for _, weight in linked)
                wished.append(sum(rows[one] * weight for one, weight in linked) / total)
                weights.append(total)
            for vertex, row in zip(columns[i], _apart(wished, weights, offsets[i]), strict=True):
                rows[vertex] = row
    return rows


def _apart(wished: list[float], weights: list[float], offsets: list[float]) -> list[float]:
    """Return rows closest to the wanted ones, with at least the distances in `offsets`."""
    pools: list[tuple[float, float, int]] = []  # value, weight, members: isotonic regression
    for row, weight, offset in zip(wished, weights, offsets, strict=True):
        pools.append((row - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, v, m), (b, w, n) = pools[-2:]
            pools[-2:] = [((a * v + b * w) / (v + w), v + w, m + n)]
    values = [value for value, _, count in pools for _ in range(count)]
    return [value + offset for value, offset in zip(values, offsets, strict=True)]
