"""Find an architecture by its genes, in a table of all combinations of independent choices."""

import numpy as np


class Combinations:
    """Position in the table of each combination of genes.

    Attributes:
        choices: (G,) number of choices of each gene.
    """

    def __init__(self, genes: np.ndarray):
        """Take (n, G) genes, counted from 0, for which `are_complete` is true."""
        self.choices = _choices(genes)
        self._weights = np.cumprod([1, *self.choices[:-1]])
        self._position = np.empty(len(genes), dtype=np.int64)
        self._position[genes @ self._weights] = np.arange(len(genes))

    def find(self, genes: np.ndarray) -> np.ndarray:
        """Return the positions in the table, (…), of genes of shape (…, G)."""
        return self._position[genes @ self._weights]


def are_complete(genes: np.ndarray) -> bool:
    """Return whether (n, G) genes hold every combination of their choices exactly once."""
    if genes.min() < 0:  # some architectures lack a gene
        return False
    choices = _choices(genes).astype(float)  # the product of many could overflow int64
    return len(genes) == choices.prod() and len(np.unique(genes, axis=0)) == len(genes)


def _choices(genes: np.ndarray) -> np.ndarray:
    return genes.max(axis=0).astype(np.int64) + 1
