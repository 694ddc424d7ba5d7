"""Measure how well many rankings of the same networks agree, by pairwise Kendall tau."""

from collections.abc import Callable

import numpy as np
from scipy.stats import t


def wins(scores: np.ndarray) -> np.ndarray:
    """Return the sign of the difference in every pair: (…, networks) → (…, pairs), −1, 0 or 1.

    A score of −inf is lower than every other score and ties with −inf. NaN ties with everything:
    leave such networks out.
    """
    first, second = np.triu_indices(scores.shape[-1], 1)
    x, y = scores[..., first], scores[..., second]
    return (x > y).astype(float) - (x < y)


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Kendall tau-b of each ranking in `x` with each in `y`.

    Args:
        x: (n, networks) scores, one ranking per row.
        y: (m, networks) scores.

    Returns:
        (n, m); NaN where all networks of a ranking are equal, or there are fewer than two.
    """
    a, b = wins(np.atleast_2d(x)), wins(np.atleast_2d(y))
    with np.errstate(invalid="ignore"):
        return (a @ b.T) / np.sqrt(np.outer((a**2).sum(axis=1), (b**2).sum(axis=1)))


def mean_agreement(scores: np.ndarray) -> tuple[float, float, float]:
    """Return the mean Kendall tau of two rows of `scores` (n, networks), with a 95 % interval.

    The mean is over all pairs of different rows. The interval is Student's t with the standard
    error of the jackknife, which leaves out one row at a time (Arvesen, 1969). The mean is NaN for
    fewer than two rows, the interval for fewer than three.
    """
    count = len(scores)
    tau = kendall(scores, scores)
    np.fill_diagonal(tau, 0.0)

    def mean(kept: np.ndarray) -> float:
        pairs = len(kept) * (len(kept) - 1)
        return tau[np.ix_(kept, kept)].sum() / pairs if pairs else np.nan

    return jackknife(mean, count)


def jackknife(statistic: Callable[[np.ndarray], float], count: int) -> tuple[float, float, float]:
    """Return a statistic of `count` items, which is at most 1, with a 95 % jackknife interval.

    `statistic` takes the indices of the items that are kept, (k,).
    """
    every = np.arange(count)
    value = statistic(every) if count else np.nan
    without = np.array([statistic(np.delete(every, item)) for item in every])
    squares = ((without - without.mean()) ** 2).sum() if count else np.nan
    error = np.sqrt((count - 1) / count * squares) if count else np.nan
    return _interval(value, error, count - 1)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of `values` (n,), each at most 1, with its 95 % interval (Student's t).

    The interval is NaN for fewer than two values.
    """
    count = len(values)
    error = np.std(values, ddof=1) / np.sqrt(count) if count > 1 else np.nan
    mean = np.mean(values) if count else np.nan
    return _interval(mean, error, count - 1)


def crossed_interval(tau: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of tau (n, m), of n rankings with m others, and its 95 % interval.

    The interval is Student's t with min(n, m) − 1 degrees of freedom.
    """
    mean = tau.mean() if tau.size else np.nan
    errors = [np.var(tau.mean(axis=1 - axis), ddof=1) / tau.shape[axis] for axis in (0, 1)]
    return _interval(mean, np.sqrt(sum(errors)), min(tau.shape) - 1)


def _interval(value: float, error: float, freedom: int) -> tuple[float, float, float]:
    """Return a value that is at most 1, and its 95 % interval by Student's t."""
    half = t.ppf(0.975, freedom) * error if freedom > 0 else np.nan
    return float(value), float(value - half), float(np.minimum(value + half, 1.0))
