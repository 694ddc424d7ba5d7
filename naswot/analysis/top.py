"""How good the networks are that a score puts first: nDCG, precision and regret at k."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

CONFIDENCE = 0.95
SIZES = (1, 10, 100)  # k


def ordered(score: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Return the accuracies in the order of the score, best first.

    Networks of equal score stay in their order; −inf comes last, and then NaN.
    """
    known = np.where(np.isnan(score), -np.inf, score)
    return accuracy[np.lexsort((np.isnan(score), -known))]


def ndcg(found: np.ndarray, k: int) -> float:
    """Return nDCG at k of accuracies in percent, best score first; 1 is the best order.

    The gain of a network is 2^a − 1, a: its accuracy as a fraction (Týbl and Neumann, CVPR 2025).
    """
    gains = 2 ** (found / 100) - 1
    discounts = 1 / np.log2(np.arange(2, len(gains[:k]) + 2))
    best = np.sort(gains)[::-1][:k]
    # Not @: its last bit may depend on the strides of its arguments, and the best order gives 1.
    return float((gains[:k] * discounts).sum() / (best * discounts).sum())


def precision(found: np.ndarray, k: int) -> float:
    """Return the share of the k best scores whose accuracy is at least the k-th best one."""
    least = np.sort(found)[::-1][:k][-1]
    return float((found[:k] >= least).mean())


def regret(found: np.ndarray, k: int) -> float:
    """Return the accuracy, in percentage points, that the best of k is below the best of all."""
    return float(found.max() - found[:k].max())


METRICS: Mapping[str, Callable[[np.ndarray, int], float]] = {
    "ndcg": ndcg,
    "precision": precision,
    "regret": regret,
}


def top_rows(
    score: np.ndarray, accuracy: np.ndarray, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return one row per metric and k: `metric`, `k`, `value`, and its interval `low`, `high`.

    Args:
        score: (n,), higher is better.
        accuracy: (n,) in percent; networks with unknown accuracy (NaN) are left out.
        resamples, seed: of the bootstrap over networks. A resample holds networks several times,
            so its best k are fewer networks.

    k larger than the number of networks is left out.
    """
    known = np.isfinite(accuracy)
    found = ordered(score[known], accuracy[known])
    generator = np.random.default_rng(seed)
    asked = [(name, k) for name in METRICS for k in SIZES if k <= len(found)]
    values = np.empty((resamples, len(asked)))
    for row in values:
        drawn = found[np.sort(generator.integers(len(found), size=len(found)))]
        row[:] = [METRICS[name](drawn, k) for name, k in asked]
    tails = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    bounds = np.quantile(values, tails, axis=0) if resamples else np.full((2, len(asked)), np.nan)
    return [
        {"metric": name, "k": k, "value": METRICS[name](found, k), "low": low, "high": high}
        for (name, k), low, high in zip(asked, *bounds, strict=True)
    ]
