"""Run a search: draw, score, record, until enough networks are scored or the time is over."""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from naswot.costs import COUNTED
from naswot.errors import NaswotError
from naswot.runtime.progress import log
from naswot.scores import AGGREGATES
from naswot.scores.ranking import lower_is_better
from naswot.spaces.choices import ChoiceSpace
from naswot.study.candidates import Candidates, ExhaustedError
from naswot.study.evaluation import counted
from naswot.study.methods import METHODS
from naswot.study.problem import Problem
from naswot.study.records import Record, table_of
from naswot.study.storage import Storage
from naswot.study.workers import Workers

MOST_FAILURES = 20  # networks that may fail in a row before anything was scored
MOST_UNSCORED = 200  # networks that may fail or break a limit before anything was scored
RANKED = 200  # networks among which an aggregate is ranked for Optuna


@dataclass(frozen=True)
class Plan:
    """How long a search goes on, and how.

    Attributes:
        method: a key of `METHODS`.
        networks: how many to score in all, those of earlier runs included; None: no matter.
        seconds: of this run; None: no matter.
        jobs: processes that score.
        stream: 0, or a number that no other program has that uses the same storage.
    """

    method: str
    networks: int | None
    seconds: float | None
    jobs: int
    stream: int = 0


def directions_of(problem: Problem) -> list[str]:
    """Return for the score and the costs of the front whether Optuna minimises or maximises."""
    score = "minimize" if lower_is_better(problem.scores[0]) else "maximize"
    return [score, *["minimize"] * len(problem.traded)]


def check_method(method: str, problem: Problem) -> None:
    """Check that a method can search by the first score.

    Raises:
        NaswotError: it cannot.
    """
    if problem.scores[0] in AGGREGATES and not METHODS[method].aggregates:
        able = ", ".join(name for name, about in METHODS.items() if about.aggregates)
        raise NaswotError(
            f"{problem.scores[0]} ranks networks among each other, so it changes with every "
            f"network, and {method} cannot search by it. Choose --method {able}, or another score."
        )


def run(
    problem: Problem,
    plan: Plan,
    storage: Storage,
    watch: Callable[[Sequence[Record], int], None],
) -> str:
    """Search, and record every network in `storage`.

    An interruption (KeyboardInterrupt) lets the networks that are being scored end.

    Args:
        problem, plan: what to look for, and how.
        storage: where networks are recorded; a search that it holds goes on.
        watch: is called with all records and the number of draws beyond a limit, after each record.

    Returns:
        Why the search ended: "networks", "time", "exhausted" or "interrupted".

    Raises:
        NaswotError: the storage cannot be written, scoring cannot be set up, or the first
            `MOST_FAILURES` networks of this run all fail, or the first `MOST_UNSCORED` fail or
            break a limit.
    """
    search = _Search(problem, plan, storage, watch)
    with Workers(problem, plan.jobs) as workers:
        try:
            return search.go_on(workers)
        except KeyboardInterrupt:
            log.info("interrupted: %d networks end first; Ctrl-C again stops at once", plan.jobs)
            try:
                for record in workers.drain():
                    search.record(record, workers)
            except KeyboardInterrupt:
                workers.stop()
            return "interrupted"


class _Search:
    """One run of a search; arguments as for `run`."""

    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        storage: Storage,
        watch: Callable[[Sequence[Record], int], None],
    ):
        self._problem, self._plan, self._storage, self._watch = problem, plan, storage, watch
        self._end = time.monotonic() + (np.inf if plan.seconds is None else plan.seconds)
        space = problem.source.load(problem.classes, problem.shape)
        make = METHODS[plan.method].make
        self._method = make(space, problem.scores, directions_of(problem), problem.seed)
        self._told = self._scored = 0
        self._names: set[str] = set()
        records = storage.records()
        self._before = len(records)
        self._candidates = Candidates(
            space,
            self._method,
            functools.partial(_limited, space, problem),
            problem.limits,
            {record.drawn.arch for record in records},
            seed=problem.seed,
            stream=plan.stream,
            first=max((r.oldest for r in records if r.stream == plan.stream), default=0),
            repair=METHODS[plan.method].repairs,
        )
        self._follow()

    def go_on(self, workers: Workers) -> str:
        """Search until it ends, and return why it does."""
        wanted = np.inf if self._plan.networks is None else self._plan.networks
        why = ""
        while True:
            while not why and self._scored + len(workers.running) < wanted and not workers.full:
                try:
                    candidate = self._candidates.next(self._end)
                except ExhaustedError:
                    why = "time" if time.monotonic() >= self._end else "exhausted"
                    break
                workers.submit(candidate)
            if not workers.running:
                return "networks" if self._scored >= wanted else why
            for record in workers.collect():
                self.record(record, workers)

    def record(self, record: Record, workers: Workers) -> None:
        """Record a network, and take note of those that other programs have recorded."""
        known = self._storage.records()
        if record.drawn.arch not in self._names:  # an interruption may have come after it was
            oldest = min([record.draw, *workers.running])
            record = dataclasses.replace(record, stream=self._plan.stream, oldest=oldest)
            self._storage.add(record, values_of(record, known[-RANKED:], self._problem))
        self._follow()
        self._watch(self._storage.records(), self._candidates.refused)

    def _follow(self) -> None:
        records = self._storage.records()
        for record in records[self._told :]:
            self._names.add(record.drawn.arch)
            self._method.tell(record, values_of(record, (), self._problem))
            self._candidates.add(record.drawn.arch)
            self._scored += record.scored
        self._told = len(records)
        _check(records[self._before :], self._problem)


def _check(records: Sequence[Record], problem: Problem) -> None:
    """Check that something can be scored, given the records of this run.

    Raises:
        NaswotError: the first `MOST_FAILURES` networks fail, or the first `MOST_UNSCORED` fail or
            break a limit.
    """
    first = records[:MOST_FAILURES]
    if len(first) == MOST_FAILURES and all(record.failed for record in first):
        raise NaswotError(
            f"The first {MOST_FAILURES} networks all failed; the first, {first[0].drawn.arch}: "
            f"{first[0].note}"
        )
    first = records[:MOST_UNSCORED]
    if len(first) == MOST_UNSCORED and not any(record.scored for record in first):
        nearest = min(problem.limits.excess(record.costs) for record in first if not record.failed)
        raise NaswotError(
            f"None of the first {MOST_UNSCORED} networks keeps the limits ({problem.limits.text}); "
            f"the nearest exceeds them by {100 * nearest:.0f} % in sum. Raise a limit, and go on "
            "with --resume."
        )


def values_of(
    record: Record, earlier: Sequence[Record], problem: Problem
) -> tuple[float, ...] | None:
    """Return the score of a network and its costs on the front, for Optuna.

    The value of an aggregate is its rank among the networks `earlier`.

    Returns:
        The values; None if one is unknown, or if the network breaks a limit.
    """
    name = problem.scores[0]
    if not record.scored or problem.limits.broken(record.costs):
        return None
    score = record.scores.get(name, np.nan)
    if name in AGGREGATES and all(s in record.scores for s in AGGREGATES[name].scores):
        pool = table_of([*earlier, record], [name], problem.costs, problem.limits)
        score = float(pool[name].iloc[-1])
    values = (score, *(record.costs.get(cost, np.nan) for cost in problem.traded))
    return None if np.isnan(values).any() else values


def _limited(space: ChoiceSpace, problem: Problem, arch: str) -> dict[str, float]:
    """Return the counted costs of a network if a limit needs them."""
    if not any(name in COUNTED for name in problem.limits.highest):
        return {}
    return counted(space, arch, problem)
