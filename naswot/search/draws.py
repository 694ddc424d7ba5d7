"""Random numbers for many runs at once, each run with its own generator."""

import numpy as np

BLOCK = 512  # numbers that each generator makes at a time


class Draws:
    """One sequence of `numpy.random.default_rng(seed).random()` for each seed.

    A run gets the numbers of its generator in order, however many it takes at a time and whatever
    other runs take.
    """

    def __init__(self, seeds: np.ndarray):
        """Start a sequence for each of `seeds`, (runs,)."""
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._all = np.arange(len(seeds))
        self._numbers = np.empty((len(seeds), 0))
        self._next = np.zeros(len(seeds), dtype=np.int64)  # column in a run's row of `_numbers`

    def uniform(self, count: int, runs: np.ndarray | None = None) -> np.ndarray:
        """Return the next `count` numbers in [0, 1) of all runs, or of `runs`: (runs, count)."""
        runs = self._all if runs is None else runs
        if not len(runs):
            return np.empty((0, count))
        if self._next[runs].max() + count > self._numbers.shape[1]:
            self._extend(count)
        starts = self._next[runs]
        self._next[runs] += count
        return self._numbers[runs[:, None], starts[:, None] + np.arange(count)]

    def below(
        self, bound: int | np.ndarray, count: int, runs: np.ndarray | None = None
    ) -> np.ndarray:
        """Return `count` whole numbers from 0 to `bound` − 1 for each run: (runs, count).

        `bound` is one number for all, or an array that broadcasts to (runs, count).
        """
        return (self.uniform(count, runs) * bound).astype(np.int64)

    def _extend(self, count: int) -> None:
        """Drop the numbers that every run has taken; get more from each generator."""
        taken = self._next.min()
        more = np.stack([generator.random(max(BLOCK, count)) for generator in self._generators])
        self._numbers = np.concatenate([self._numbers[:, taken:], more], axis=1)
        self._next -= taken
