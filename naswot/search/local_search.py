"""Local search: climb to better neighbours, and start anew where there is none.

White et al., "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021: a simple
method that competes with the best on small spaces. Neighbours are tried in random order and the
first better one is moved to. A run remembers what it has trained.
"""

import numpy as np

from naswot.search.simulation import Settings, Simulation


def local_search(simulation: Simulation, settings: Settings) -> None:
    """Climb, again and again from a random architecture, until the budget is spent."""
    width = simulation.neighbours.shape[1]
    current = np.zeros(simulation.runs, dtype=np.int64)
    value = np.full(simulation.runs, -np.inf)
    untried = np.full((simulation.runs, width), -1)  # neighbours, in the order of trying
    tried = np.zeros(simulation.runs, dtype=np.int64)
    left = np.zeros(simulation.runs, dtype=np.int64)  # how many neighbours; 0: start anew
    while simulation.running.any():
        anew = np.flatnonzero(tried == left)
        picks = current.copy()
        if width:
            picks = untried[simulation.rows, np.minimum(tried, width - 1)]
        picks[anew] = simulation.draws.below(simulation.size, 1, anew)[:, 0]
        value[anew] = -np.inf
        picks, found = simulation.evaluate(picks)
        tried += 1
        moved = np.flatnonzero(found > value)
        current[moved], value[moved] = picks[moved], found[moved]
        left[moved], tried[moved] = simulation.degree[picks[moved]], 0
        untried[moved] = _shuffled(simulation, moved, current[moved])


def _shuffled(simulation: Simulation, runs: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """Return the neighbours of `picks` in random order, (runs, K), what fills up last."""
    found = simulation.neighbours[picks]
    keys = simulation.draws.uniform(found.shape[1], runs)
    order = np.where(found < 0, np.inf, keys).argsort(axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)
