"""The choices that make a cell of NAS-Bench-101, as its authors sample cells at random.

They draw each of the 21 edges of seven vertices, and the operations of the five inner ones. Then
vertices and edges on no path from input to output are pruned. It is no cell of the benchmark if
more than nine edges are left, or no path (the notebook and `_check_spec` in `api.py` of
google-research/nasbench). So several choices can make the same cell, and small cells are rare.
"""

from itertools import combinations

from naswot.spaces.choices import ChoiceSpace, Choose
from naswot.spaces.nasbench101 import SPACE as BENCHMARK
from naswot.spaces.nasbench101.cells import (
    MAX_EDGES,
    MAX_VERTICES,
    OPERATIONS,
    Cell,
    prune,
    to_string,
)
from naswot.spaces.nasbench101.official import official

INNER = range(1, MAX_VERTICES - 1)


def draw(choose: Choose) -> str | None:
    """Return the chosen cell as benchmark tables write it; None if it is none of the benchmark."""
    matrix = [[0] * MAX_VERTICES for _ in range(MAX_VERTICES)]
    for source, target in combinations(range(MAX_VERTICES), 2):
        matrix[source][target] = int(choose(f"edge_{source}_{target}", (0, 1)))
    names = ("input", *(str(choose(f"op_{vertex}", OPERATIONS)) for vertex in INNER), "output")
    cell = prune(Cell(tuple(map(tuple, matrix)), names))
    if cell is None or sum(map(sum, cell.matrix)) > MAX_EDGES:
        return None
    return to_string(official(cell))


SPACE = ChoiceSpace(
    name=BENCHMARK.name,
    title=BENCHMARK.title,
    draw=draw,
    build=BENCHMARK.build,
    diagram=BENCHMARK.diagram,
    about=(
        "The cell varies: edges between seven vertices, and the operation of each. Depth and "
        "width do not; the stem has 16 channels, as the networks that the paper scores.",
    ),
)
