"""Describe a cell of NAS-Bench-101 by numbers, from which its accuracy can be predicted."""

from naswot.spaces.nasbench101.cells import OPERATIONS, Cell, parse, prune

CONVOLUTIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu")
COUNTED = {
    "operations": OPERATIONS,
    "convolutions": CONVOLUTIONS,
    **{name: (name,) for name in OPERATIONS},
}


def encode(arch: str) -> dict[str, float]:
    """Return numbers that describe the cell of JSON text `arch`, by name.

    The names are the same for each cell. Only vertices and edges on a path from input to output
    count: the number of edges, of paths, of vertices of each kind in `COUNTED`, and for each kind
    the most and the fewest of them on a path.

    Raises:
        NaswotError: `arch` is malformed.
    """
    cell: Cell = prune(parse(arch))  # type: ignore[assignment]
    paths = _paths(cell)
    numbers: dict[str, float] = {"edges": sum(map(sum, cell.matrix)), "paths": len(paths)}
    for name, kinds in COUNTED.items():
        counts = [sum(map(path.count, kinds)) for path in paths]
        numbers[f"all {name}"] = sum(map(cell.operations.count, kinds))
        numbers[f"most {name}"] = max(counts)
        numbers[f"fewest {name}"] = min(counts)
    return numbers


def _paths(cell: Cell) -> list[list[str]]:
    """Return the operations of each path from the input to the output of a pruned cell."""
    leading: list[list[list[str]]] = [[[]]]  # to each vertex, itself included
    for vertex, name in enumerate(cell.operations[1:], 1):
        leading.append([[*path, name] for each in cell.sources(vertex) for path in leading[each]])
    return leading[-1]
