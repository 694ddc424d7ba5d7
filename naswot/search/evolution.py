"""Regularised evolution (REA), and three ways to let a training-free score assist it.

REA is Algorithm 1 of Real et al., "Regularized Evolution for Image Classifier Architecture
Search", AAAI 2019, as Dong & Yang (2020) ran it; AREA is Algorithm 2 of Mellor et al. (2021).
Warm-up and move proposal are those of Abdelfattah et al., "Zero-Cost Proxies for Lightweight
NAS", ICLR 2021. Scoring is paid for, with its measured seconds.
"""

from collections.abc import Callable

import numpy as np

from naswot.search.simulation import Settings, Simulation
from naswot.search.trajectory import comparable


def rea(simulation: Simulation, settings: Settings) -> None:
    """Start from random architectures; train mutations of the best of a random few."""
    first = simulation.draws.below(simulation.size, settings.population)
    evolve(simulation, first, settings, lambda parents: simulation.mutate(parents, 1)[:, 0])


def area(simulation: Simulation, settings: Settings) -> None:
    """Start from those of `area_sample` random architectures that score best."""
    first = best_scored(simulation, settings.area_sample, settings.population)
    evolve(simulation, first, settings, lambda parents: simulation.mutate(parents, 1)[:, 0])


def warm_up(simulation: Simulation, settings: Settings) -> None:
    """Start from those of `warm_up_sample` random architectures that score best."""
    first = best_scored(simulation, settings.warm_up_sample, settings.population)
    evolve(simulation, first, settings, lambda parents: simulation.mutate(parents, 1)[:, 0])


def move_proposal(simulation: Simulation, settings: Settings) -> None:
    """Score several mutations of a parent and train the one that scores best."""

    def propose(parents: np.ndarray) -> np.ndarray:
        moves = simulation.mutate(parents, settings.proposals)
        simulation.pay(simulation.scoring[moves].sum(axis=1))
        return moves[simulation.rows, comparable(simulation.scores[moves]).argmax(axis=1)]

    first = simulation.draws.below(simulation.size, settings.population)
    evolve(simulation, first, settings, propose)


def evolve(
    simulation: Simulation,
    first: np.ndarray,
    settings: Settings,
    propose: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Evolve populations until all budgets are spent; each child takes the place of the oldest.

    Args:
        simulation: the runs.
        first: (runs, population) the architectures to begin with, the oldest first.
        settings: its tournament.
        propose: (runs,) parents → (runs,) children.
    """
    members, rows = first.copy(), simulation.rows[:, None]
    values = np.empty(members.shape)
    size = members.shape[1]
    for place in range(size):
        members[:, place], values[:, place] = simulation.evaluate(members[:, place])
    oldest = 0
    while simulation.running.any():
        entrants = (oldest + simulation.draws.below(size, settings.tournament)) % size
        winner = values[rows, entrants].argmax(axis=1)
        parents = members[simulation.rows, entrants[simulation.rows, winner]]
        children = propose(parents)
        members[:, oldest], values[:, oldest] = simulation.evaluate(children)
        oldest = (oldest + 1) % size


def best_scored(simulation: Simulation, sample: int, keep: int) -> np.ndarray:
    """Draw and score architectures, (runs, sample), and return the best, as drawn: (runs, keep).

    Where only some have a score, they are drawn from these. What is drawn again is not scored
    again, and stands in the population again only if there is nothing else.
    """
    scored = np.flatnonzero(~np.isnan(simulation.scores))
    drawn = scored[simulation.draws.below(len(scored), max(sample, keep))]
    order = np.argsort(drawn, axis=1, kind="stable")
    again = np.zeros(drawn.shape, dtype=bool)
    repeats = np.diff(np.take_along_axis(drawn, order, axis=1), axis=1) == 0
    np.put_along_axis(again, order[:, 1:], repeats, axis=1)
    simulation.pay(np.where(again, 0.0, simulation.scoring[drawn]).sum(axis=1))
    best = np.lexsort((-simulation.scores[drawn], again), axis=1)[:, :keep]
    return np.take_along_axis(drawn, np.sort(best, axis=1), axis=1)
