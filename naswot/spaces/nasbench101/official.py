"""Write a cell of NAS-Bench-101 as the benchmark does: its vertices in the official order.

The order of vertices does not matter to a network. The benchmark lists the graphs of n vertices by
a number, in which bit x + y(y−1)/2 is the edge from x to y, and with each graph all operations in
the order of `cells.OPERATIONS`; it keeps the first of all isomorphic cells (`generate_graphs.py`
and `graph_util.py` of google-research/nasbench).
"""

from collections.abc import Iterator

from naswot.spaces.nasbench101.cells import OPERATIONS, Cell


def official(cell: Cell) -> Cell:
    """Return the cell of the benchmark that is isomorphic to pruned `cell`, which is valid."""
    size = len(cell.operations)
    edges = [(source, target) for target in range(size) for source in cell.sources(target)]
    labels = [OPERATIONS.index(name) for name in cell.operations[1:-1]]

    def rank(order: tuple[int, ...]) -> tuple[int, list[int]]:
        position = {vertex: place for place, vertex in enumerate(order)}
        bits = sum(1 << (position[x] + position[y] * (position[y] - 1) // 2) for x, y in edges)
        return bits, [labels[vertex - 1] for vertex in order[1:-1]]

    order = min(_orders(cell), key=rank)
    matrix = tuple(tuple(cell.matrix[x][y] for y in order) for x in order)
    return Cell(matrix, tuple(cell.operations[vertex] for vertex in order))


def _orders(cell: Cell, begun: tuple[int, ...] = (0,)) -> Iterator[tuple[int, ...]]:
    """Yield the orders of a cell's vertices in which all edges lead from earlier to later ones."""
    last = len(cell.operations) - 1
    if len(begun) == last:
        yield (*begun, last)
    for vertex in range(1, last):
        if vertex not in begun and set(cell.sources(vertex)) <= set(begun):
            yield from _orders(cell, (*begun, vertex))
