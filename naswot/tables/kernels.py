"""The kernels K_H of networks in bands of their trained accuracy, as a file holds them.

A file of kernels is an .npz archive with one row per network, band by band from the worst, in the
order of drawing. K_H is symmetric, whole-numbered, and N_A on its diagonal, so that `units`
(N_A) and the pairs above the diagonal are all of it, exactly.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.io.npz import read_arrays

NOT_A_NUMBER = -1  # of the pairs of a network whose output is NaN


@dataclass(frozen=True)
class Kernels:
    """Kernels of n networks on a mini-batch of B images, and what the networks scored.

    Attributes:
        about: the file's metadata, with `space`, `dataset`, `images` and `accuracy` (the key).
        index, arch: (n,), of the networks, as in the benchmark table.
        accuracy: (n,), percent, when trained.
        score: (n,), from the joined table; −inf and NaN are kept.
        band: (n,), from 0, the worst.
        units: (n,), N_A.
        pairs: int32 (n, B (B − 1) / 2), K_H above the diagonal, row by row.
        order: (B,), the images in an order in which similar ones are neighbours.
        band_low, band_high: (bands,), accuracies of the band's worst and best network.
        band_size: (bands,), how many networks a band was drawn from.
    """

    about: dict
    index: np.ndarray
    arch: np.ndarray
    accuracy: np.ndarray
    score: np.ndarray
    band: np.ndarray
    units: np.ndarray
    pairs: np.ndarray
    order: np.ndarray
    band_low: np.ndarray
    band_high: np.ndarray
    band_size: np.ndarray

    def similarity(self, row: int) -> np.ndarray:
        """Return K_H / N_A of a network above the diagonal, float64 (B (B − 1) / 2,)."""
        pairs = self.pairs[row].astype(float)
        return np.where(pairs == NOT_A_NUMBER, np.nan, pairs) / self.units[row]

    def matrix(self, row: int) -> np.ndarray:
        """Return K_H / N_A of a network, float64 (B, B), the images in the mini-batch's order."""
        matrix = np.eye(len(self.order))
        rows, columns = np.triu_indices(len(matrix), 1)
        matrix[rows, columns] = matrix[columns, rows] = self.similarity(row)
        return matrix


def read_kernels(path: str | Path) -> Kernels:
    """Return what `naswot.stages.kernels.write_kernels` wrote.

    Raises:
        NaswotError: the file is missing, damaged, or another version's.
    """
    arrays = read_arrays(path)
    try:
        return Kernels(about=json.loads(str(arrays.pop("metadata"))), **arrays)
    except (KeyError, TypeError) as error:
        raise NaswotError(
            f"{path} is no file of kernels of this version ({error}). Delete it and run again."
        ) from error
