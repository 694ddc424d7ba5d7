"""Searches: how to choose an architecture. They see arrays and know no network.

`simulate` runs a method of `METHODS` many times under a budget: a table of arrays, a budget and a
seed a run go in, a trajectory comes out. All runs of a method advance together, a step at a time,
as rows of arrays; each has a random generator of its own, so that no run depends on the others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from naswot.search.bohb import bohb
from naswot.search.evolution import area, move_proposal, rea, warm_up
from naswot.search.local_search import local_search
from naswot.search.random_search import random_search
from naswot.search.reinforce import reinforce
from naswot.search.simulation import Settings, Simulation, Table
from naswot.search.trajectory import Trajectory

__all__ = ["METHODS", "Method", "Settings", "Table", "Trajectory", "simulate"]


@dataclass(frozen=True)
class Method:
    """A search under a budget.

    Attributes:
        title: what tables call it.
        search: plays all runs of a simulation to their ends.
        scores: how many architectures it asks the scores of: "none", "some" (those with a score
            will do) or "all".
        genes: whether it needs architectures to be all combinations of independent choices.
        shorter: whether it has a use for trainings shorter than those of the fitness.
        remembers: whether what a run evaluated before costs it nothing, whatever the settings.
        style: colour and line style in figures.
    """

    title: str
    search: Callable[[Simulation, Settings], None]
    scores: str = "none"
    genes: bool = False
    shorter: bool = False
    remembers: bool = False
    style: tuple[str, str] = ("#777777", "-")


METHODS = {
    # Evolution's relatives are told apart by the line, too.
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
}


def simulate(
    method: str,
    table: Table,
    budget: float,
    seeds: np.ndarray,
    settings: Settings = Settings(),  # noqa: B008, it cannot be changed
) -> Trajectory:
    """Run a search once for each of `seeds` and return what was evaluated, in order.

    Args:
        method: a key of `METHODS`.
        table: the search space.
        budget: simulated seconds of a run.
        seeds: (runs,) seeds of the runs' generators.
        settings: of the methods and of the simulation.
    """
    chosen = METHODS[method]
    remember = chosen.remembers or settings.repeats == "free"
    simulation = Simulation(table, budget, seeds, settings.overrun, remember)
    chosen.search(simulation, settings)
    return simulation.trajectory()
