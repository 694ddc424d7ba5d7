"""How well many rankings of the same networks agree: Kendall tau of each with each."""

from collections.abc import Callable

import numpy as np
from scipy.stats import t


def wins(scores: np.ndarray) -> np.ndarray:
    """Return who is ahead in every pair of networks: (…, networks) → (…, pairs), −1, 0 or 1.

    A score of −inf is behind every other, and ties with −inf. NaN ties with everything: leave
    such networks out.
    """
    first, second = np.triu_indices(scores.shape[-1], 1)
    x, y = scores[..., first], scores[..., second]
    return (x > y).astype(float) - (x < y)


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Kendall tau-b of each ranking in `x` with each in `y`.

    Args:
        x: (n, networks), a ranking a row.
        y: (m, networks).

    Returns:
        (n, m); NaN where a ranking has all networks equal, or there are fewer than two.
    """
    a, b = wins(np.atleast_2d(x)), wins(np.atleast_2d(y))
    with np.errstate(invalid="ignore"):
        return (a @ b.T) / np.sqrt(np.outer((a**2).sum(axis=1), (b**2).sum(axis=1)))


def mean_agreement(scores: np.ndarray) -> tuple[float, float, float]:
    """Return the mean Kendall tau of two rows of `scores` (n, networks), with a 95 % interval.

    The mean is over all pairs of different rows; the interval is Student's t, with the standard
    error of the jackknife, which leaves out one row after the other (Arvesen, 1969). NaN for fewer
    than two rows, and the interval for fewer than three.
    """
    count = len(scores)
    tau = kendall(scores, scores)
    np.fill_diagonal(tau, 0.0)

    def mean(kept: np.ndarray) -> float:
        pairs = len(kept) * (len(kept) - 1)
        return tau[np.ix_(kept, kept)].sum() / pairs if pairs else np.nan

    return jackknife(mean, count)


def jackknife(statistic: Callable[[np.ndarray], float], count: int) -> tuple[float, float, float]:
    """Return a statistic that is at most 1, of all of `count` items, with a 95 % interval.

    `statistic` takes the numbers of the items that are kept, (k,).
    """
    every = np.arange(count)
    value = statistic(every) if count else np.nan
    left = np.array([statistic(np.delete(every, one)) for one in every])
    error = np.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum()) if count else np.nan
    return _interval(value, error, count - 1)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of `values` (n,), none over 1, with its 95 % interval (Student's t).

    The interval is NaN for fewer than two.
    """
    count = len(values)
    error = np.std(values, ddof=1) / np.sqrt(count) if count > 1 else np.nan
    mean = np.mean(values) if count else np.nan
    return _interval(mean, error, count - 1)


def crossed_interval(tau: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of tau (n, m), of n rankings with m others, and its 95 % interval.

    Student's t, with the degrees of freedom of the fewer of the two.
    """
    mean = tau.mean() if tau.size else np.nan
    errors = [np.var(tau.mean(axis=1 - axis), ddof=1) / tau.shape[axis] for axis in (0, 1)]
    return _interval(mean, np.sqrt(sum(errors)), min(tau.shape) - 1)


def _interval(value: float, error: float, freedom: int) -> tuple[float, float, float]:
    """Return a value that is at most 1, and its 95 % interval by Student's t."""
    half = t.ppf(0.975, freedom) * error if freedom > 0 else np.nan
    return float(value), float(value - half), float(np.minimum(value + half, 1.0))
