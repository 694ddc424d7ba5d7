"""What searches leave behind: every evaluation of every run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Trajectory:
    """Evaluations of many runs, one after the other in time, run after run.

    Attributes, all (evaluations,):
        run: the run, counted from 0, ascending.
        step: the evaluation within its run, from 0.
        seconds: what the run has spent by the end of the evaluation, not descending; NaN where
            nothing is spent.
        pick: position of the architecture in the table.
        rung: position of the length of training among those of the table.
        fitness: what the run has seen of the architecture; higher is better, NaN comes last.
    """

    run: np.ndarray
    step: np.ndarray
    seconds: np.ndarray
    pick: np.ndarray
    rung: np.ndarray
    fitness: np.ndarray

    def incumbents(self) -> np.ndarray:
        """Return where the best evaluation of its run so far stands, for each evaluation.

        A longer training outdoes a shorter one; then the higher fitness counts, and the first of
        equals.
        """
        _, place = np.unique(comparable(self.fitness), return_inverse=True)
        rank = pd.Series(self.rung * (place.max(initial=0) + 1) + place)
        best = rank.groupby(self.run).cummax()
        # A best that has grown is a new incumbent; it stays until the next one.
        grown = (self.step == 0) | (best.diff() > 0)
        return np.maximum.accumulate(np.where(grown, np.arange(len(rank)), 0))

    def chosen(self, runs: int, steps: int | None = None) -> np.ndarray:
        """Return where the best evaluation of each run stands: (runs,), −1 without any.

        With `steps`, only that many first evaluations of a run count.
        """
        considered = np.arange(len(self.run))
        if steps is not None:
            considered = considered[self.step < steps]
        found = np.full(runs, -1)
        found[self.run[considered]] = self.incumbents()[considered]  # the last of a run stays
        return found


def comparable(values: np.ndarray) -> np.ndarray:
    """Return `values`, of which more is better, with NaN made the worst, behind −∞."""
    lowest = np.finfo(float).min
    return np.where(np.isnan(values), -np.inf, np.maximum(values, lowest))
