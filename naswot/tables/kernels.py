"""Read a file with the kernels K_H of networks in bands of trained accuracy.

A file of kernels is an .npz archive with one row per network: band by band from the lowest
accuracy, and in the order of drawing within a band. K_H is symmetric, has whole numbers and N_A on
its diagonal, so `units` (N_A) and the pairs above the diagonal define it exactly.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.io.npz import read_arrays

NOT_A_NUMBER = -1  # stored for the pairs of a network whose output is NaN


@dataclass(frozen=True)
class Kernels:
    """Kernels of n networks on a mini-batch of B images, with scores and accuracies.

    Attributes:
        about: the file's metadata, with `space`, `dataset`, `images` and `accuracy` (the key).
        index, arch: (n,), as in the benchmark table.
        accuracy: (n,), trained accuracy in percent.
        score: (n,), from the joined table; −inf and NaN are kept.
        band: (n,), number of the band, from 0, the lowest accuracies.
        units: (n,), N_A.
        pairs: int32 (n, B (B − 1) / 2), K_H above the diagonal, row by row.
        order: (B,), an order of the images in which similar images are adjacent.
        band_low, band_high: (bands,), lowest and highest accuracy (percent) in the band.
        band_size: (bands,), number of networks from which a band's networks were sampled.
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
    """Read a file of `naswot.stages.kernels.compute_kernels`.

    Raises:
        NaswotError: the file is missing or damaged, or another version wrote it.
    """
    arrays = read_arrays(path)
    try:
        return Kernels(about=json.loads(str(arrays.pop("metadata"))), **arrays)
    except (KeyError, TypeError) as error:
        raise NaswotError(
            f"{path} is not a kernel file of this version ({error}). Delete it and run again."
        ) from error
