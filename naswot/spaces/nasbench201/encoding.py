"""Describe a cell of NAS-Bench-201 by numbers, from which its accuracy can be predicted.

The numbers of paths that use only some of the operations follow the graph features of Kadlecová
et al., "Surprisingly Strong Performance Prediction with Neural Graph Features", ICML 2024.
"""

from itertools import chain, combinations

from naswot.spaces.nasbench201.cells import EDGES, OPERATIONS, parse

# The paths from the input, node 0, to the output, node 3, by their edges.
PATHS = (
    ((0, 3),),
    ((0, 1), (1, 3)),
    ((0, 2), (2, 3)),
    ((0, 1), (1, 2), (2, 3)),
)
LONGEST = max(map(len, PATHS))
# All sets of operations that pass something on.
SETS = tuple(chain.from_iterable(combinations(OPERATIONS[1:], size) for size in range(1, 5)))
COUNTED = {
    "convolutions": ("nor_conv_1x1", "nor_conv_3x3"),
    "convolutions_3x3": ("nor_conv_3x3",),
    "poolings": ("avg_pool_3x3",),
    "windows": ("nor_conv_3x3", "avg_pool_3x3"),  # operations that see neighbouring pixels
}


def encode(arch: str) -> dict[str, float]:
    """Return numbers that describe cell string `arch`, by name; the same names for each cell.

    A path is live if none of its edges is `none`; an edge is live if a live path uses it. For each
    set of operations: the number of live paths that use no others, and the edges of the shortest
    (one more than there can be, if there is none) and of the longest (0). For each kind of
    operation in `COUNTED`: the most, the fewest and the mean of them on a live path, and their sum
    over the live paths. And the numbers of live paths and live edges.

    Raises:
        NaswotError: `arch` is malformed.
    """
    operation = dict(zip(EDGES, parse(arch), strict=True))
    paths = [[operation[edge] for edge in path] for path in PATHS]
    live = [path for path in paths if "none" not in path]
    numbers: dict[str, float] = {}
    for allowed in SETS:
        lengths = [len(path) for path in live if set(path) <= set(allowed)]
        name = "+".join(allowed)
        numbers[f"paths of {name}"] = len(lengths)
        numbers[f"shortest of {name}"] = min(lengths, default=LONGEST + 1)
        numbers[f"longest of {name}"] = max(lengths, default=0)
    for name, kinds in COUNTED.items():
        counts = [sum(map(path.count, kinds)) for path in live] or [0]
        numbers[f"most {name}"] = max(counts)
        numbers[f"fewest {name}"] = min(counts)
        numbers[f"all {name}"] = sum(counts)
        numbers[f"mean {name}"] = sum(counts) / len(counts)
    used = {edge for path in PATHS for edge in path if "none" not in map(operation.get, path)}
    return numbers | {"live paths": len(live), "live edges": len(used)}
