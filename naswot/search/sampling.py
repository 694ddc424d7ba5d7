"""Searches that draw architectures at random: NASWOT (Algorithm 1), Random and Optimal.

Each run shuffles the pool with its own generator, seeded with the run's recorded seed, and keeps
one of the first N architectures. So in each run all methods see the same architectures, and a
larger N adds some to those of a smaller N.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from naswot.search.trajectory import comparable

Choose = Callable[[np.ndarray, np.ndarray], np.ndarray]


def draw(pool: int, size: int, seeds: np.ndarray, allowed: np.ndarray | None = None) -> np.ndarray:
    """Return `size` different positions in a pool of `pool` for each seed: (runs, size).

    `allowed`, (pool,) booleans, says which positions may be drawn, at least `size` of them; None:
    all. A run passes over the others in its shuffled pool, so the draws that two limits allow are
    the same architectures in the same order.
    """
    draws = np.empty((len(seeds), size), dtype=np.int64)
    for run, seed in enumerate(seeds):
        order = np.random.default_rng(seed).permutation(pool)
        draws[run] = (order if allowed is None else order[allowed[order]])[:size]
    return draws


def naswot(scores: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """Choose the highest score of each row; −inf and then NaN come last; the first of equals wins.

    Args:
        scores: (runs, N) scores of the drawn architectures.
        accuracies: (runs, N) accuracies that will be reported; not used.

    Returns:
        The chosen column of each row, (runs,).
    """
    return comparable(scores).argmax(axis=1)


def optimal(scores: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """Choose the highest reported accuracy of each row: the best that N draws allow.

    Where a row has unknown accuracies (NaN), its best is unknown too: choose the first NaN.
    """
    return accuracies.argmax(axis=1)  # numpy takes NaN for the largest


def random(scores: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """Choose the first architecture of each row, whatever its score."""
    return np.zeros(len(scores), dtype=np.int64)


@dataclass(frozen=True)
class Sampling:
    """A search that draws N architectures and keeps one.

    Attributes:
        choose: function that picks one, such as `naswot`.
        title: its name in tables; {title} is the title of the score, {size} is N.
        scored: whether it needs scores.
        sizes: the sample sizes N; None: `sample_sizes` of the configuration.
        style: colour and line style in figures.
    """

    choose: Choose
    title: str
    scored: bool = False
    sizes: tuple[int, ...] | None = None
    style: tuple[str, str] = ("#777777", "-")


SAMPLINGS = {
    "naswot": Sampling(naswot, "{title} (N={size})", scored=True, style=("#1b3a5c", "-")),
    "random": Sampling(random, "Random", sizes=(1,)),
    "optimal": Sampling(optimal, "Optimal (N={size})"),
}
