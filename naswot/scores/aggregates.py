"""Put several scores together by the ranks that each gives to the networks of a pool.

A rank r runs from 1, the worst, to n, the best; networks with equal scores share the mean of their
ranks. NaN ranks below every number, −∞ included. An aggregate depends on the pool: a network gets
another value among other networks.
"""

from collections.abc import Callable, Mapping

import numpy as np

BLOCK = 256  # networks compared with all others at a time


def ranks(scores: np.ndarray) -> np.ndarray:
    """Return the ranks of networks by each score, from 1 to n; same shape as `scores` (n, k)."""
    from scipy.stats import rankdata  # takes a second, and planning a run needs the names alone

    known = np.where(np.isnan(scores), -np.inf, scores)
    order = rankdata(known, method="dense", axis=0) - np.isnan(scores)
    return rankdata(order, method="average", axis=0)


def log_rank(scores: np.ndarray) -> np.ndarray:
    """Return Σ ln(r / n) over the scores (Lee and Ham, CVPR 2024).

    A network that is bad by one score cannot make up for it by the others.
    """
    return np.log(ranks(scores) / len(scores)).sum(axis=1)


def mean_rank(scores: np.ndarray) -> np.ndarray:
    """Return the mean of r / n over the scores."""
    return (ranks(scores) / len(scores)).mean(axis=1)


def vote(scores: np.ndarray) -> np.ndarray:
    """Return how many others each network beats on a majority of scores (Copeland's count).

    A tie counts ½ (Abdelfattah et al., ICLR 2021).
    """
    columns = [column.astype(np.int32) for column in (2 * ranks(scores)).T]
    counts = np.empty(len(scores))
    for start in range(0, len(counts), BLOCK):
        stop = start + BLOCK
        balance = sum(np.sign(column[start:stop, None] - column[None, :]) for column in columns)
        counts[start:stop] = ((balance > 0) + 0.5 * (balance == 0)).sum(axis=1) - 0.5  # itself
    return counts


def combine(scores: np.ndarray, by: str) -> np.ndarray:
    """Return an aggregate of scores (n, k), higher is better, by a rule of `RULES`: (n,).

    A network without any of the scores has none (NaN), and the others are ranked without it.
    """
    found = np.full(len(scores), np.nan)
    scored = ~np.isnan(scores).all(axis=1)
    found[scored] = RULES[by](scores[scored])
    return found


# Name → function from scores (n, k), higher is better, to one value per network (n,).
RULES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "log-rank": log_rank,
    "rank": mean_rank,
    "vote": vote,
}
