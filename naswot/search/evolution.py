"""Regularised evolution (REA), and three variants that a training-free score assists.

REA is Algorithm 1 of Real et al., "Regularized Evolution for Image Classifier Architecture
Search", AAAI 2019, as Dong & Yang (2020) ran it; AREA is Algorithm 2 of Mellor et al. (2021).
Warm-up and move proposal are those of Abdelfattah et al., "Zero-Cost Proxies for Lightweight
NAS", ICLR 2021. A run pays for scoring, in measured seconds.
"""

from collections.abc import Callable

import numpy as np

from naswot.search.simulation import Settings, Simulation
from naswot.search.trajectory import comparable


def rea(simulation: Simulation, settings: Settings) -> None:
    """Start from random architectures; then train mutations of tournament winners."""
    first = simulation.draws.below(simulation.size, settings.population)
    evolve(simulation, first, settings, lambda parents: simulation.mutate(parents, 1)[:, 0])


def area(simulation: Simulation, settings: Settings) -> None:
    """Start from the best-scoring of `area_sample` random architectures."""
    first = best_scored(simulation, settings.area_sample, settings.population)
    evolve(simulation, first, settings, lambda parents: simulation.mutate(parents, 1)[:, 0])


def warm_up(simulation: Simulation, settings: Settings) -> None:
    """Start from the best-scoring of `warm_up_sample` random architectures."""
    first = best_scored(simulation, settings.warm_up_sample, settings.population)
    evolve(simulation, first, settings, lambda parents: simulation.mutate(parents, 1)[:, 0])


def move_proposal(simulation: Simulation, settings: Settings) -> None:
    """Score several mutations of a parent and train the best-scoring one."""

    def propose(parents: np.ndarray) -> np.ndarray:
        moves = simulation.mutate(parents, settings.proposals)
        simulation.pay(simulation.scoring[moves].sum(axis=1))
        return moves[simulation.rows, comparable(simulation.compare(moves)).argmax(axis=1)]

    first = simulation.draws.below(simulation.size, settings.population)
    evolve(simulation, first, settings, propose)


def evolve(
    simulation: Simulation,
    first: np.ndarray,
    settings: Settings,
    propose: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Evolve populations until all budgets are spent; each child replaces the oldest member.

    Args:
        simulation: the runs.
        first: (runs, population) positions of the first population, the oldest first.
        settings: its `tournament` is used.
        propose: function from (runs,) parents to (runs,) children.
    """
    members, rows = first.copy(), simulation.rows[:, None]
    values = np.empty(members.shape)
    size = members.shape[1]
    for member in range(size):
        members[:, member], values[:, member] = simulation.evaluate(members[:, member])
    oldest = 0
    while simulation.running.any():
        entrants = (oldest + simulation.draws.below(size, settings.tournament)) % size
        winner = values[rows, entrants].argmax(axis=1)
        parents = members[simulation.rows, entrants[simulation.rows, winner]]
        children = propose(parents)
        members[:, oldest], values[:, oldest] = simulation.evaluate(children)
        oldest = (oldest + 1) % size


def best_scored(simulation: Simulation, sample: int, keep: int) -> np.ndarray:
    """Draw and score `sample` architectures per run; return the best, in drawn order: (runs, keep).

    Where only some architectures have a score, only these are drawn. An architecture that is drawn
    twice is scored once, and enters the population twice only if there are no others.
    """
    scored = np.flatnonzero(~np.isnan(simulation.scores))
    drawn = scored[simulation.draws.below(len(scored), max(sample, keep))]
    order = np.argsort(drawn, axis=1, kind="stable")
    again = np.zeros(drawn.shape, dtype=bool)
    repeats = np.diff(np.take_along_axis(drawn, order, axis=1), axis=1) == 0
    np.put_along_axis(again, order[:, 1:], repeats, axis=1)
    simulation.pay(np.where(again, 0.0, simulation.scoring[drawn]).sum(axis=1))
    best = np.lexsort((-simulation.compare(drawn), again), axis=1)[:, :keep]
    return np.take_along_axis(drawn, np.sort(best, axis=1), axis=1)
