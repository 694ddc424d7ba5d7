"""Score one candidate after the other, with everything that they share set up once."""

import functools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from naswot.costs import COUNTED
from naswot.costs.counting import Counts, count_built
from naswot.costs.latency import Latency
from naswot.costs.sources import latency_source
from naswot.errors import NaswotError
from naswot.runtime.device import choose_device, tune_allocator
from naswot.scores.building import Model
from naswot.scores.ranking import Row, score_each
from naswot.spaces.choices import ChoiceSpace
from naswot.study.candidates import Candidate
from naswot.study.problem import Problem
from naswot.study.records import Record


class Evaluator:
    """Scores candidates of `problem`. Raises `NaswotError` if it cannot be set up."""

    def __init__(self, problem: Problem):
        self._problem = problem
        device = choose_device(problem.device)
        self.space = problem.source.load(problem.classes, problem.shape)
        self._feed = _Feed()
        feed: Any = self._feed
        self._rows: Iterator[Row] = score_each(
            feed,
            torch.from_numpy(problem.images).to(device),
            problem.scores,
            labels=problem.labels,
            classes=problem.classes,
            precision=problem.precision,
            seed=problem.seed,
        )
        tune_allocator()

    def score(self, candidate: Candidate) -> Record:
        """Return the record of a candidate.

        It is not scored if it breaks a limit. Whatever goes wrong is its note.
        """
        drawn, costs = candidate.drawn, dict(candidate.costs)
        about: dict[str, Any] = {"drawn": drawn, "draw": candidate.draw}
        make = functools.partial(self.space.build, drawn.arch, self._problem.classes)
        try:
            costs |= self._costs(drawn.arch, costs)
        except NaswotError as error:
            return Record(**about, costs=costs, note=str(error), failed=True)
        if self._problem.limits.broken(costs):
            return Record(**about, costs=costs)
        row = self._feed.score(drawn.arch, make, self._rows)
        return Record(
            **about,
            scores=dict(row.values),
            costs=costs,
            seconds=row.seconds,
            note=row.note,
            failed=row.failure is not None,
        )

    def _costs(self, arch: str, known: Mapping[str, float]) -> dict[str, float]:
        """Return the costs that are asked for and not known, as far as the limits are kept."""
        found: dict[str, float] = {}
        problem = self._problem
        if any(name not in known for name in problem.costs if name in COUNTED):
            found = counted(self.space, arch, problem)
        if "latency" in problem.costs and not problem.limits.only(found).broken(found):
            measured = latencies_of(self.space, problem, [arch])[arch]
            if isinstance(measured, NaswotError):
                raise measured
            found["latency"] = measured.median_ms
        return found


def counted(space: ChoiceSpace, arch: str, problem: Problem) -> dict[str, float]:
    """Return the costs of an architecture that follow from its network alone: those of `COUNTED`.

    Raises:
        NaswotError: the network cannot be built.
    """
    names = [name for name in problem.costs if name in COUNTED]
    if space.count is not None and "memory" not in names:
        costs = space.count(arch, problem.classes, problem.shape)
    else:
        make = functools.partial(space.build, arch, problem.classes)
        found: Counts = count_built(make, problem.shape)
        costs = {name: getattr(found, name) for name in COUNTED}
    return {name: float(costs[name]) for name in names}


def latencies_of(
    space: ChoiceSpace, problem: Problem, architectures: Sequence[str]
) -> dict[str, Latency | NaswotError]:
    """Return the latencies of networks, measured in turns, or why there is none.

    If the problem does not ask for latencies, return none.
    """
    if "latency" not in problem.costs:
        return {}
    source = _source(problem.latency, problem.how)
    makes = {arch: functools.partial(space.build, arch, problem.classes) for arch in architectures}
    with torch.random.fork_rng([]):
        torch.manual_seed(problem.seed)
        return source.measure(makes, problem.shape, None)


_source = functools.lru_cache(latency_source)  # a table is read once


class _Feed:
    """Networks for `score_each`, which come while it runs; it takes them by `items`."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Model]] = deque()

    def score(self, name: str, model: Model, rows: Iterator[Row]) -> Row:
        """Return the row of one network."""
        self._waiting.append((name, model))
        return next(rows)

    def items(self) -> Iterator[tuple[str, Model]]:
        """Yield the networks that have come."""
        while self._waiting:
            yield self._waiting.popleft()
