"""Random numbers of many runs at once, each run's from a generator of its own."""

import numpy as np

BLOCK = 512  # numbers that each run's generator is asked for at a time


class Draws:
    """The numbers of `numpy.random.default_rng(seed).random()`, one sequence for each seed.

    However many numbers are taken at a time and whatever other runs take, a run's numbers are
    those that its generator gives one after the other.
    """

    def __init__(self, seeds: np.ndarray):
        """Start a sequence for each of `seeds`, (runs,)."""
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._all = np.arange(len(seeds))
        self._numbers = np.empty((len(seeds), 0))
        self._next = np.zeros(len(seeds), dtype=np.int64)  # place in a run's row of `_numbers`

    def uniform(self, count: int, runs: np.ndarray | None = None) -> np.ndarray:
        """Return the next `count` numbers in [0, 1) of each run, or of some: (runs, count)."""
        runs = self._all if runs is None else runs
        if not len(runs):
            return np.empty((0, count))
        if self._next[runs].max() + count > self._numbers.shape[1]:
            self._extend(count)
        places = self._next[runs]
        self._next[runs] += count
        return self._numbers[runs[:, None], places[:, None] + np.arange(count)]

    def below(
        self, bound: int | np.ndarray, count: int, runs: np.ndarray | None = None
    ) -> np.ndarray:
        """Return `count` whole numbers from 0 to `bound` − 1 for each run: (runs, count).

        `bound` is one for all, or (runs, 1).
        """
        return (self.uniform(count, runs) * bound).astype(np.int64)

    def _extend(self, count: int) -> None:
        """Drop what every run has taken; ask each generator for more."""
        taken = self._next.min()
        more = np.stack([one.random(max(BLOCK, count)) for one in self._generators])
        self._numbers = np.concatenate([self._numbers[:, taken:], more], axis=1)
        self._next -= taken
