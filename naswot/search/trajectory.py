"""The trajectory of a search: every evaluation of every run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Trajectory:
    """Evaluations of many runs, ordered by run and then by time.

    Attributes, all (evaluations,):
        run: number of the run, from 0, ascending.
        step: number of the evaluation within its run, from 0.
        seconds: seconds that the run has spent by the end of the evaluation; they never decrease
            within a run; NaN where nothing is spent.
        pick: position of the architecture in the table.
        rung: position of the length of training among those of the table.
        fitness: fitness of the architecture; higher is better, NaN comes last.
    """

    run: np.ndarray
    step: np.ndarray
    seconds: np.ndarray
    pick: np.ndarray
    rung: np.ndarray
    fitness: np.ndarray

    def incumbents(self) -> np.ndarray:
        """Return for each evaluation the position of the best one of its run so far.

        A longer training is better than a shorter one; then the higher fitness is better, and of
        equals the first.
        """
        _, order = np.unique(comparable(self.fitness), return_inverse=True)
        rank = pd.Series(self.rung * (order.max(initial=0) + 1) + order)
        best = rank.groupby(self.run).cummax()
        # Where the best rank grows there is a new incumbent; it stays until the next one.
        grown = (self.step == 0) | (best.diff() > 0)
        return np.maximum.accumulate(np.where(grown, np.arange(len(rank)), 0))

    def chosen(self, runs: int, steps: int | None = None) -> np.ndarray:
        """Return the position of the best evaluation of each run: (runs,), −1 if it has none.

        With `steps`, only the first `steps` evaluations of a run count.
        """
        considered = np.arange(len(self.run))
        if steps is not None:
            considered = considered[self.step < steps]
        found = np.full(runs, -1)
        found[self.run[considered]] = self.incumbents()[considered]  # the last of a run remains
        return found


def comparable(values: np.ndarray) -> np.ndarray:
    """Return `values` (higher is better) in a form that compares: NaN is worse than −∞."""
    lowest = np.finfo(float).min
    return np.where(np.isnan(values), -np.inf, np.maximum(values, lowest))
