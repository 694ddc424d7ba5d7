"""Methods of search: each proposes the next network, given those that are scored.

Every method begins with random networks, and random search goes on with them. Regularised evolution
is ours; NSGA-II and TPE are Optuna's. `naswot.study.methods` lists them.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from naswot.scores import AGGREGATES, members_of
from naswot.scores.aggregates import combine
from naswot.scores.ranking import lower_is_better
from naswot.spaces.choices import ChoiceSpace, Choose, Drawn, draw, mutate
from naswot.study.records import Record

POPULATION = 64  # networks that can be parents, and random ones before the first proposal
TOURNAMENT = 10  # of them that compete to be the parent


class Method:
    """Proposes networks; one object belongs to one run of a search. This one proposes none."""

    def propose(self, generator: np.random.Generator) -> Drawn | None:
        """Return a network to consider; None: draw a random one instead."""
        return None

    def refuse(self, drawn: Drawn) -> None:
        """Take note that a proposed network breaks a limit or is known already."""

    def tell(self, record: Record, values: Sequence[float] | None) -> None:
        """Take note of a network, whoever proposed it.

        Args:
            record: the network.
            values: its score and the costs of the front; None if it breaks a limit or has no score.
        """


class Evolution(Method):
    """Regularised evolution (Real et al., AAAI 2019) with the score as fitness.

    The parent is the best of `TOURNAMENT` of the last `POPULATION` networks, and one of its choices
    is changed. Networks leave the population by age, whatever they score.
    """

    def __init__(self, space: ChoiceSpace, names: Sequence[str]):
        self._space = space
        self._members = members_of(names[:1])
        self._by = AGGREGATES[names[0]].by if names[0] in AGGREGATES else None
        self._signs = [-1 if lower_is_better(name) else 1 for name in self._members]
        self._population: list[Record] = []

    def propose(self, generator: np.random.Generator) -> Drawn | None:
        """Return a child of a good network; None until there are enough parents."""
        if len(self._population) < POPULATION:
            return None
        chosen = generator.choice(POPULATION, TOURNAMENT, replace=False)
        parent = self._population[chosen[int(np.argmax(self._fitness()[chosen]))]]
        return mutate(self._space, parent.drawn, generator)

    def tell(self, record: Record, values: Sequence[float] | None) -> None:
        """Add a network that keeps the limits; the oldest leaves."""
        if values is not None:
            self._population = [*self._population, record][-POPULATION:]

    def _fitness(self) -> np.ndarray:
        rows = [[known.scores[name] for name in self._members] for known in self._population]
        scores = np.array(rows) * self._signs
        return scores[:, 0] if self._by is None else combine(scores, self._by)


class Sampled(Method):
    """A sampler of Optuna, on a study in memory that follows the one on disk."""

    def __init__(
        self, space: ChoiceSpace, directions: Sequence[str], sampler: optuna.samplers.BaseSampler
    ):
        self._space = space
        every: Any = list(directions)
        self._study = optuna.create_study(directions=every, sampler=sampler)
        self._asked: dict[str, optuna.Trial] = {}
        self._told = 0

    def propose(self, generator: np.random.Generator) -> Drawn | None:
        """Return the network of the sampler's next trial; None until there are enough to learn."""
        if self._told < POPULATION:
            return None
        trial = self._study.ask()
        drawn = draw(self._space, _choose(trial))
        if drawn is None or drawn.arch in self._asked:
            self._study.tell(trial, state=TrialState.PRUNED)
            return None
        self._asked[drawn.arch] = trial
        return drawn

    def refuse(self, drawn: Drawn) -> None:
        """Tell Optuna that a proposed network is no parent."""
        trial = self._asked.pop(drawn.arch, None)
        if trial is not None:
            self._study.tell(trial, state=TrialState.PRUNED)

    def tell(self, record: Record, values: Sequence[float] | None) -> None:
        """Tell Optuna the values of a network."""
        drawn = record.drawn
        trial = self._asked.pop(drawn.arch, None)
        if trial is None:  # drawn at random, or by another process: Optuna asks for it now
            self._study.enqueue_trial(dict(drawn.choices))
            trial = self._study.ask()
            draw(self._space, _choose(trial))
        if values is None:
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, values)
            self._told += 1


def _choose(trial: optuna.Trial) -> Choose:
    """Return Optuna's choice among options."""
    suggest: Any = trial.suggest_categorical
    return suggest


def random(
    space: ChoiceSpace, names: Sequence[str], directions: Sequence[str], seed: int
) -> Method:
    """Return random search."""
    return Method()


def evolution(
    space: ChoiceSpace, names: Sequence[str], directions: Sequence[str], seed: int
) -> Method:
    """Return regularised evolution."""
    return Evolution(space, names)


def nsga2(space: ChoiceSpace, names: Sequence[str], directions: Sequence[str], seed: int) -> Method:
    """Return Optuna's NSGA-II."""
    sampler = optuna.samplers.NSGAIISampler(population_size=POPULATION, seed=seed)
    return Sampled(space, directions, sampler)


def tpe(space: ChoiceSpace, names: Sequence[str], directions: Sequence[str], seed: int) -> Method:
    """Return Optuna's tree-structured Parzen estimator."""
    with warnings.catch_warnings():  # both arguments are called experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)
    return Sampled(space, directions, sampler)
