"""Architectures that are all combinations of independent choices: from choices to position."""

import numpy as np


class Combinations:
    """A table's genes, to be looked up.

    Attributes:
        choices: (G,) how many choices each gene has.
    """

    def __init__(self, genes: np.ndarray):
        """Take (n, G) genes, counted from 0, of which `are_complete` is true."""
        self.choices = _choices(genes)
        self._weights = np.cumprod([1, *self.choices[:-1]])
        self._position = np.empty(len(genes), dtype=np.int64)
        self._position[genes @ self._weights] = np.arange(len(genes))

    def find(self, genes: np.ndarray) -> np.ndarray:
        """Return the positions in the table of (…, G) genes: (…)."""
        return self._position[genes @ self._weights]


def are_complete(genes: np.ndarray) -> bool:
    """Return whether (n, G) genes are all combinations of their choices, each once."""
    if genes.min() < 0:  # some lack a choice
        return False
    choices = _choices(genes).astype(float)  # a product of many may exceed whole numbers
    return len(genes) == choices.prod() and len(np.unique(genes, axis=0)) == len(genes)


def _choices(genes: np.ndarray) -> np.ndarray:
    return genes.max(axis=0).astype(np.int64) + 1
