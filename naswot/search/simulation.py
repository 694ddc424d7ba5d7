"""Simulate many runs of a search at once, on a benchmark table and under a budget."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from naswot.search.draws import Draws
from naswot.search.trajectory import Trajectory

# A run that remembers gets a random new architecture once it proposed more known ones in a row.
PATIENCE = 100


@dataclass(frozen=True)
class Table:
    """A search space of n architectures as arrays.

    Attributes:
        fitness: (rungs, n) validation accuracy in percent after each length of training, from
            the shortest to the longest; a search maximises the last. Finite.
        cost: (rungs, n) seconds to train and to measure the accuracy, positive.
        neighbours: (n, K) positions of the architectures one mutation away, padded with −1;
            K may be 0.
        genes: (n, G) independent choices that make up an architecture, each counted from 0;
            None where the table does not hold all their combinations.
        scores: (n,) training-free scores, higher is better; NaN where there is none.
        members: (n, k) the scores that an aggregate puts together; None for a single score.
        rule: that of the aggregate, of `naswot.scores.aggregates.RULES`.
        scoring: (n,) seconds to score each architecture.
        features: (n, F) finite numbers that describe the architectures; None where there are none.
    """

    fitness: np.ndarray
    cost: np.ndarray
    neighbours: np.ndarray
    genes: np.ndarray | None = None
    scores: np.ndarray | None = None
    members: np.ndarray | None = None
    rule: Callable[[np.ndarray], np.ndarray] | None = None
    scoring: np.ndarray | None = None
    features: np.ndarray | None = None


@dataclass(frozen=True)
class Settings:
    """Settings that papers leave open or choose differently.

    Attributes:
        population: architectures that evolution keeps (the paper: 10).
        tournament: how many of them, drawn with replacement, compete to be the parent. The
            paper gives no number; 3 reproduces its row for REA.
        area_sample: how many architectures AREA scores for its first population (the paper: 20).
        warm_up_sample: the same for the warm-up of Abdelfattah et al. (2021).
        proposals: mutations that a move proposal scores before it trains the best of them.
        predictions: architectures that the predictor trains between two fits of its model.
        learning_rate: of REINFORCE. The paper gives none; NATS-Bench's code is run with 0.01.
        overrun: whether to "discard" or "keep" a run's last evaluation, which exceeds the budget.
        repeats: whether a run pays to train the same architecture again: "paid" or "free".
    """

    population: int = 10
    tournament: int = 3
    area_sample: int = 20
    warm_up_sample: int = 1000
    proposals: int = 10
    predictions: int = 5
    learning_rate: float = 0.01
    overrun: Literal["discard", "keep"] = "discard"
    repeats: Literal["paid", "free"] = "paid"


def compare_within(
    picks: np.ndarray,
    scores: np.ndarray,
    members: np.ndarray | None,
    rule: Callable[[np.ndarray], np.ndarray] | None,
) -> np.ndarray:
    """Return scores of the architectures `picks`, comparable within a row: (runs, m).

    A run knows the architectures that it drew and no others, so an aggregate ranks only these.
    `scores`, `members` and `rule` are as in `Table`.
    """
    if members is None or rule is None:
        return scores[picks]
    return np.array([rule(members[row]) for row in picks]).reshape(picks.shape)


class Simulation:
    """Runs in lockstep. A run knows the fitness of an architecture once it has paid for it.

    Attributes:
        runs: the number of runs; `rows` counts them from 0.
        size: n, the number of architectures.
        rungs: the number of training lengths.
        neighbours, genes, scores, scoring, features: those of the table.
        degree: (n,) the number of neighbours of each architecture.
        draws: the random numbers of the runs.
        running: (runs,) whether a run goes on.
        seconds: (runs,) seconds spent so far.
    """

    def __init__(
        self, table: Table, budget: float, seeds: np.ndarray, overrun: str, remember: bool
    ):
        """Start a run for each of `seeds`; see `Table` and `Settings`.

        With `remember`, a run evaluates the same architecture again for free, and ends once it
        has evaluated all.
        """
        self.runs, self.rows = len(seeds), np.arange(len(seeds))
        self.size = table.fitness.shape[1]
        self.rungs = len(table.fitness)
        self.neighbours = table.neighbours
        self.degree = (table.neighbours >= 0).sum(axis=1)
        # A method that needs these is run only on a table that has them.
        self.genes: np.ndarray | Any = table.genes
        self.scores: np.ndarray | Any = table.scores
        self.scoring: np.ndarray | Any = table.scoring
        self._members, self._rule = table.members, table.rule
        self.features: np.ndarray | Any = table.features
        self.draws = Draws(seeds)
        self.running = np.ones(self.runs, dtype=bool)
        self.seconds = np.zeros(self.runs)
        self._fitness, self._cost = table.fitness, table.cost
        self._budget, self._keep = budget, overrun == "keep"
        self._known = np.zeros((self.rungs, self.runs, self.size), bool) if remember else None
        self._unknown = np.full(self.runs, self.size)  # not yet trained for the longest time
        self._idle = np.zeros(self.runs, dtype=np.int64)
        self._log: list[tuple[np.ndarray, ...]] = []

    def evaluate(self, picks: np.ndarray, rung: int = -1) -> tuple[np.ndarray, np.ndarray]:
        """Train one architecture in each run that goes on, if its budget allows.

        Args:
            picks: (runs,) positions in the table.
            rung: the length of training, as a position among those of the table.

        Returns:
            (runs,) positions of what was trained: `picks`, except in runs that proposed nothing
            new for long (`PATIENCE`); and (runs,) its fitness, NaN where nothing was trained.
        """
        rung %= self.rungs
        picks, new = self._something_new(picks, rung)
        after = self.seconds + np.where(new, self._cost[rung, picks], 0.0)
        within = after <= self._budget
        trained = self.running & (within | self._keep)
        self.seconds = np.where(trained, after, self.seconds)
        who = np.flatnonzero(trained & new)
        if self._known is not None:
            self._known[rung, who, picks[who]] = True
            if rung == self.rungs - 1:
                self._unknown[who] -= 1
        values = np.where(trained, self._fitness[rung, picks], np.nan)
        self._log.append((who, picks[who], self.seconds[who], values[who], np.full(len(who), rung)))
        self.running &= within & (self._unknown > 0)
        return picks, values

    def pay(self, seconds: np.ndarray) -> None:
        """Spend (runs,) seconds on something other than training; end runs that cannot pay."""
        after = self.seconds + seconds
        within = after <= self._budget
        self.seconds = np.where(self.running & within, after, self.seconds)
        self.running &= within

    def compare(self, picks: np.ndarray) -> np.ndarray:
        """Return the scores of (runs, m) architectures, comparable within each run."""
        return compare_within(picks, self.scores, self._members, self._rule)

    def mutate(self, picks: np.ndarray, count: int) -> np.ndarray:
        """Return `count` random neighbours of each of `picks`: (runs, count).

        An architecture without neighbours mutates into any architecture.
        """
        numbers, degree = self.draws.uniform(count), self.degree[picks][:, None]
        anything = (numbers * self.size).astype(np.int64)
        if not self.neighbours.shape[1]:
            return anything
        found = self.neighbours[picks[:, None], (numbers * degree).astype(np.int64)]
        return np.where(degree > 0, found, anything)

    def trajectory(self) -> Trajectory:
        """Return all evaluations of all runs."""
        run, pick, seconds, fitness, rung = map(np.concatenate, zip(*self._log, strict=True))
        order = np.argsort(run, kind="stable")
        counts = np.bincount(run, minlength=self.runs)
        step = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
        return Trajectory(
            run[order], step, seconds[order], pick[order], rung[order], fitness[order]
        )

    def _something_new(self, picks: np.ndarray, rung: int) -> tuple[np.ndarray, np.ndarray]:
        """Return positions of what to train, and whether each is new to its run: both (runs,)."""
        if self._known is None:
            return picks, np.ones(self.runs, dtype=bool)
        known = self._known[rung, self.rows, picks]
        self._idle = np.where(known, self._idle + 1, 0)
        stuck = np.flatnonzero(self.running & (self._idle > PATIENCE))
        if len(stuck):
            picks, known = picks.copy(), known.copy()
            for run, number in zip(stuck, self.draws.uniform(1, stuck)[:, 0], strict=True):
                unknown = np.flatnonzero(~self._known[rung, run])
                if len(unknown):
                    picks[run] = unknown[int(number * len(unknown))]
                    known[run], self._idle[run] = False, 0
        return picks, ~known
