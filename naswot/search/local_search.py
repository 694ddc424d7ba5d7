"""Local search: move to a better neighbour; restart at random where there is none.

White et al., "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021: a simple
method that competes with the best on small search spaces. A run tries neighbours in random order
and moves to the first better one. It remembers the architectures that it has trained.
"""

import numpy as np

from naswot.search.simulation import Settings, Simulation


def local_search(simulation: Simulation, settings: Settings) -> None:
    """Climb from random architectures, one after the other, until the budget is spent."""
    width = simulation.neighbours.shape[1]
    current = np.zeros(simulation.runs, dtype=np.int64)
    value = np.full(simulation.runs, -np.inf)
    order = np.full((simulation.runs, width), -1)  # neighbours, in the order of trying
    tried = np.zeros(simulation.runs, dtype=np.int64)  # how many of the neighbours are tried
    degree = np.zeros(simulation.runs, dtype=np.int64)  # number of neighbours; 0: restart
    while simulation.running.any():
        restarted = np.flatnonzero(tried == degree)
        picks = current.copy()
        if width:
            picks = order[simulation.rows, np.minimum(tried, width - 1)]
        picks[restarted] = simulation.draws.below(simulation.size, 1, restarted)[:, 0]
        value[restarted] = -np.inf
        picks, found = simulation.evaluate(picks)
        tried += 1
        moved = np.flatnonzero(found > value)
        current[moved], value[moved] = picks[moved], found[moved]
        degree[moved], tried[moved] = simulation.degree[picks[moved]], 0
        order[moved] = _shuffled(simulation, moved, current[moved])


def _shuffled(simulation: Simulation, runs: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """Return the neighbours of `picks` in random order, (runs, K), the padding (−1) last."""
    found = simulation.neighbours[picks]
    keys = simulation.draws.uniform(found.shape[1], runs)
    order = np.where(found < 0, np.inf, keys).argsort(axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)
