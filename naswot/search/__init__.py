"""Search methods: how to choose an architecture. They work on arrays and never see a network.

`simulate` runs a method of `METHODS` many times under a budget. It takes a table of arrays, a
budget and one seed per run, and returns a trajectory. All runs of a method advance together, one
step at a time, as rows of arrays. Each has its own random generator, so that no run depends on the
others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from naswot.search.bohb import ETA, bohb
from naswot.search.evolution import area, move_proposal, rea, warm_up
from naswot.search.local_search import local_search
from naswot.search.predictor import predictor
from naswot.search.random_search import random_search
from naswot.search.reinforce import reinforce
from naswot.search.simulation import Settings, Simulation, Table
from naswot.search.trajectory import Trajectory

__all__ = ["ETA", "METHODS", "Method", "Settings", "Table", "Trajectory", "simulate"]


@dataclass(frozen=True)
class Method:
    """A search under a budget.

    Attributes:
        title: its name in tables.
        search: function that plays all runs of a simulation to their ends.
        scores: which architectures must have a score: "none", "some" (it uses those that have
            one) or "all".
        genes: whether the table must hold all combinations of independent choices.
        features: whether the table must describe the architectures by numbers.
        shorter: whether it uses trainings shorter than those of the fitness.
        remembers: whether evaluating an architecture again is free within a run, whatever the
            settings say.
        style: colour and line style in figures.
    """

    title: str
    search: Callable[[Simulation, Settings], None]
    scores: str = "none"
    genes: bool = False
    features: bool = False
    shorter: bool = False
    remembers: bool = False
    style: tuple[str, str] = ("#777777", "-")


METHODS = {
    # The variants of evolution also differ by line style.
    "rea": Method("REA", rea, style=("#d98032", "-")),
    "rs": Method("RS", random_search, style=("#333333", ":")),
    "reinforce": Method("REINFORCE", reinforce, genes=True, style=("#8a8f3c", "-")),
    "bohb": Method("BOHB", bohb, genes=True, shorter=True, style=("#7b6b9e", "-.")),
    "local_search": Method("Local search", local_search, remembers=True, style=("#5b9aa0", "-")),
    "area": Method("AREA", area, scores="some", style=("#b04a5a", "-")),
    "warm_up": Method("REA with warm-up", warm_up, scores="some", style=("#d4739a", "--")),
    "move_proposal": Method(
        "REA with move proposal", move_proposal, scores="all", style=("#8c4a1f", "--")
    ),
    "predictor": Method(
        "Predictor", predictor, features=True, remembers=True, style=("#2f6db3", "-")
    ),
}


def simulate(
    method: str,
    table: Table,
    budget: float,
    seeds: np.ndarray,
    settings: Settings = Settings(),  # noqa: B008, it is immutable
) -> Trajectory:
    """Run a search once for each of `seeds` and return its evaluations, in order.

    Args:
        method: a key of `METHODS`.
        table: the search space.
        budget: budget of each run, in the units of `Table.cost` (simulated seconds).
        seeds: (runs,) seeds of the random generators.
        settings: settings of the methods and of the simulation.
    """
    chosen = METHODS[method]
    remember = chosen.remembers or settings.repeats == "free"
    simulation = Simulation(table, budget, seeds, settings.overrun, remember)
    chosen.search(simulation, settings)
    return simulation.trajectory()
