"""Compare networks chosen by score with random ones, after brief trainings.

Intervals tell how far other networks would change a number. They do not cover another mini-batch,
other initial weights or longer trainings.
"""

from collections.abc import Iterator
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import permutation_test, t

from naswot.analysis.correlation import CONFIDENCE, correlate
from naswot.analysis.search_study import mean_with_interval

ACCURACY, CHOSEN_ON = "test_accuracy", "valid_accuracy"
# Column that says who is in a group → who they are.
GROUPS = {
    "random": "the first networks drawn",
    "best": "the best by score",
    "largest": "the largest",
}
COLUMNS = [
    "draw",
    "network",
    *GROUPS,
    "place",
    "score",
    "params",
    "flops",
    "score_seconds",
    "valid_accuracy",
    "test_accuracy",
    "train_seconds",
    "note",
]
SUMMARY = ["quantity", "of", "beside", "n", "n_beside", "value", "low", "high", "p"]
DIGITS = {"score_seconds": 4, "valid_accuracy": 4, "test_accuracy": 4, "train_seconds": 2}
PERMUTATIONS = 100_000  # up to so many the test is exact; there are 53,130 of 5 networks among 25
COMPARED = (("best", "random"), ("best", "largest"), ("largest", "random"))


def summarise(table: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Return the summary of search_study_trained.csv: columns `SUMMARY`.

    docs/reference/tables.md describes them. Networks without an accuracy are left out.

    Args:
        table: columns `COLUMNS`, one row per trained network.
        resamples, seed: of the bootstrap of Kendall tau.
    """
    known = table[np.isfinite(table[ACCURACY])]
    groups = {name: known[known[name]] for name in GROUPS}
    rows = [*(_mean(name, group) for name, group in groups.items())]
    rows += [_difference(first, second, groups) for first, second in COMPARED]
    rows += _picks(groups)
    rows += [
        _tau(quantity, groups["random"], resamples, seed)
        for quantity in ("score", "params", "flops")
    ]
    return pd.DataFrame(rows, columns=SUMMARY)


def _mean(name: str, group: pd.DataFrame) -> dict[str, Any]:
    value, low, high = mean_with_interval(group[ACCURACY].to_numpy(float))
    about = {"quantity": "mean accuracy", "of": name, "n": len(group)}
    return about | {"value": value, "low": low, "high": high}


def _difference(first: str, second: str, groups: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the difference of two mean accuracies, its interval and the probability by chance."""
    a, b = (groups[name][ACCURACY] for name in (first, second))
    about = {"quantity": "difference", "of": first, "beside": second, "n": len(a)}
    about["n_beside"] = len(b)
    value = a.mean() - b.mean() if len(a) and len(b) else np.nan
    low, high = welch(a.to_numpy(float), b.to_numpy(float))
    only_a, only_b = (own[~own.index.isin(other.index)] for own, other in ((a, b), (b, a)))
    p = by_chance(only_a.to_numpy(float), only_b.to_numpy(float))
    return about | {"value": value, "low": low, "high": high, "p": p}


def welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return Welch's 95 % interval of mean(a) − mean(b); NaN unless both have two values.

    The variances may differ (Welch 1947, "The generalization of Student's problem …").
    """
    if min(len(a), len(b)) < 2:
        return np.nan, np.nan
    shares = np.array([own.var(ddof=1) / len(own) for own in (a, b)])
    total, difference = shares.sum(), a.mean() - b.mean()
    if total == 0:
        return difference, difference
    freedom = total**2 / (shares**2 / (len(a) - 1, len(b) - 1)).sum()
    half = t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(total)
    return float(difference - half), float(difference + half)


def by_chance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the probability that a random split of the values differs as much: two-sided.

    It is exact up to `PERMUTATIONS` splits. NaN unless both groups have two values.
    """
    if min(len(a), len(b)) < 2:
        return np.nan
    found = permutation_test(
        (a, b),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        vectorized=True,
        n_resamples=PERMUTATIONS,
        random_state=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _picks(groups: dict[str, pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """Yield what is found by training k networks and taking the best by validation accuracy.

    k is the number of the best by score. The random networks are taken k at a time, in every way.
    """
    best = groups["best"].sort_values(CHOSEN_ON, ascending=False, kind="stable")
    k, random = len(best), groups["random"]
    if not k or k > len(random) or _lacks(CHOSEN_ON, best, random):
        return
    found = best[ACCURACY].iloc[0]
    accuracies, weights = picked(random[CHOSEN_ON].to_numpy(), random[ACCURACY].to_numpy(), k)
    low, high = weighted_quantiles(accuracies, weights, (0.025, 0.975))
    about = {"quantity": "pick", "n": k}
    yield about | {"of": "best", "value": found, "p": float(weights[accuracies >= found].sum())}
    value = float(accuracies @ weights)
    yield about | {"of": "random", "value": value, "low": low, "high": high}


def _lacks(column: str, *groups: pd.DataFrame) -> bool:
    """Return whether any of the groups has a row without a value in `column`."""
    return any(group[column].isna().any() for group in groups)


def picked(valid: np.ndarray, test: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what choosing by validation accuracy among k of n networks finds, over all choices.

    Args:
        valid, test: (n,) accuracies.
        k: networks that are trained.

    Returns:
        Test accuracies (n,), and the probability (n,) that each is found: that no network with a
        better validation accuracy is among the k. Of equal ones the first is taken.
    """
    order = np.argsort(-valid, kind="stable")
    n = len(order)
    ways = [comb(n - 1 - place, k - 1) for place in range(n)]
    return test[order], np.array(ways) / comb(n, k)


def weighted_quantiles(
    values: np.ndarray, weights: np.ndarray, quantiles: tuple[float, ...]
) -> list[float]:
    """Return the smallest values that at least these shares of the weights do not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    places = [int(np.searchsorted(reached, quantile - 1e-12)) for quantile in quantiles]
    return [float(values[order][min(place, len(order) - 1)]) for place in places]


def _tau(quantity: str, group: pd.DataFrame, resamples: int, seed: int) -> dict[str, Any]:
    """Return Kendall tau of a column and accuracy among the random networks, with its interval."""
    found = correlate(group[quantity].to_numpy(), group[ACCURACY].to_numpy(), resamples, seed)
    about = {"quantity": "tau", "of": quantity, "beside": ACCURACY, "n": found.n}
    return about | {"value": found.tau, "low": found.tau_low, "high": found.tau_high}
