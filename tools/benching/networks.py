"""Random architectures of the spaces that are timed; none needs a benchmark's table."""

import json
from collections.abc import Sequence
from functools import partial

import numpy as np

from naswot.errors import NaswotError
from naswot.spaces import SPACES, nasbench101
from naswot.spaces.nasbench101.cells import MAX_VERTICES, OPERATIONS, Cell, to_string
from naswot.spaces.nds import canonical

# Name here → name of the space that builds it, and how many networks for one of NAS-Bench-201.
TIMED = {
    "nasbench201": ("nasbench201", 1.0),
    "natsbench_sss": ("natsbench_sss", 0.5),
    "nasbench101": ("nasbench101", 0.5),
    "darts": ("nasbench301", 0.25),
    "nasbenchmacro": ("nasbenchmacro", 0.5),
    "transnas_micro": ("transnas_micro", 0.5),
    "transnas_macro": ("transnas_macro", 0.5),
}
DARTS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
DARTS_SIZE = {"width": 32, "depth": 8, "aux": False, "drop_prob": 0.0}  # as in NAS-Bench-301


def check(spaces: Sequence[str]) -> None:
    """Raise NaswotError for a space that cannot be timed."""
    for name in spaces:
        if name not in TIMED:
            raise NaswotError(f"There is no space {name!r} to time; there are: {', '.join(TIMED)}.")


def shares(space: str, networks: int, workers: int, seed: int) -> list[list[str]]:
    """Return the random architectures of each worker, as many for each.

    `networks` is how many there would be of NAS-Bench-201; in each space the number is rounded up
    so that all workers are busy till the end.
    """
    name, share = TIMED[space]
    each = max(1, -(-round(networks * share) // workers))
    generator = np.random.default_rng(seed)
    every = SPACES[name].architectures
    if every is not None:
        places = generator.choice(len(every()), workers * each, replace=False)
        drawn = [every()[place] for place in places]
    else:
        draw = cell101 if name == "nasbench101" else partial(darts, **DARTS_SIZE)
        drawn = [draw(generator) for _ in range(workers * each)]
    return [drawn[worker::workers] for worker in range(workers)]


def cell101(generator: np.random.Generator) -> str:
    """Return a random cell of NAS-Bench-101: edges and operations are drawn until they make one."""
    while True:
        matrix = np.triu(generator.integers(2, size=(MAX_VERTICES, MAX_VERTICES)), 1)
        inner = generator.choice(OPERATIONS, MAX_VERTICES - 2).tolist()
        arch = to_string(Cell(matrix.tolist(), ("input", *inner, "output")))
        try:
            nasbench101.parse(arch)
        except NaswotError:
            continue
        return arch


def darts(generator: np.random.Generator, **size) -> str:
    """Return a random DARTS network of `size`: two different inputs a node, no zero operation."""

    def cell() -> list:
        pairs = []
        for node in range(4):
            for source in generator.choice(node + 2, 2, replace=False):
                pairs.append([str(generator.choice(DARTS)), int(source)])
        return pairs

    genotype = {"normal": cell(), "normal_concat": [2, 3, 4, 5]}
    genotype |= {"reduce": cell(), "reduce_concat": [2, 3, 4, 5]}
    return canonical(json.dumps({"searchspace": "DARTS", "net": size | {"genotype": genotype}}))
