"""Predict the accuracy of networks from scores, once some of them are trained.

The prediction starts from training-free scores that are put together by ranks, and learns from
trained networks how the others differ from that. It is the weighted mean of a Gaussian process,
which is better with few of them, and of extremely randomised trees (Geurts et al., 2006), which are
as good with hundreds. Both see ranks alone: those of scores among all networks, and those of the
accuracies among the trained networks, as normal scores, the quantiles of the normal distribution.
docs/how-to/prediction.md says how well that works.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist
from scipy.special import ndtri

from naswot.errors import NaswotError, shown
from naswot.scores import AGGREGATES, LOWER_IS_BETTER
from naswot.scores.aggregates import log_rank, ranks

FEWEST = 5  # trained networks
# Of the Gaussian process: what differs from a straight line in the starting point. Chosen on cells
# of NAS-Bench-201 that no table reports.
AMPLITUDE, LENGTH, NOISE = 0.1, 1.5, 0.01
TREES = 100
EVEN = 150  # trained networks with which process and trees weigh the same
NODES = 15  # of the quadrature that turns a distribution of normal scores into accuracies


def predict(
    scores: pd.DataFrame,
    accuracies: Mapping[Any, float] | pd.Series,
    encoding: pd.DataFrame | None = None,
    *,
    start: Sequence[str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Predict the accuracy of all networks from those that are trained.

    Args:
        scores: one row per network, n rows with different labels, and one column per score, number
            of parameters or the like. −inf ranks last, and NaN after it.
        accuracies: label → accuracy in percent, for at least `FEWEST` networks.
        encoding: finite numbers that describe the same networks, in any order of rows, such as
            `naswot.spaces.encoding.encode` returns.
        start: the scores whose sum of log-ranks is the starting point. None: those of the
            aggregate `ensemble` if all of them are there, or else all scores.
        seed: of the trees.

    Returns:
        One row per network, in the order of `scores`: `accuracy` (percent) that the network is
        predicted to have; `deviation`, the standard deviation of that prediction; and
        `improvement`, by how much it is expected to exceed the best trained network (percentage
        points; 0 for trained networks). Train the network of the largest next.

    Raises:
        NaswotError: too few networks are trained, an accuracy is not from 0 to 100, networks or
            columns do not agree or are not numbers, or all columns are constant.
    """
    trained, values = _checked(scores, accuracies)
    blocks, line = _features(scores, encoding, start)
    goal = _normal(values[:, None])[:, 0]
    mean, deviation = _gaussian_process(blocks, line, trained, goal)
    share = len(trained) / (len(trained) + EVEN)
    mean = (1 - share) * mean + share * _trees(np.hstack(blocks), trained, goal, seed)
    return _in_percent(scores.index, trained, values, goal, mean, deviation)


def _checked(scores: pd.DataFrame, accuracies: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the trained networks, and their accuracies: (k,) and (k,)."""
    known = pd.Series(accuracies, dtype=float)
    for labels, name in ((scores.index, "scores"), (known.index, "accuracies")):
        if not labels.is_unique:
            twice = labels[labels.duplicated()][0]
            raise NaswotError(f"{name}: network {shown(twice)} is there twice; label each once.")
    trained = scores.index.get_indexer(known.index)
    if (trained < 0).any():
        stranger = known.index[trained < 0][0]
        raise NaswotError(f"accuracies: network {shown(stranger)} has no row in scores.")
    wrong = known[~known.between(0, 100)]
    if len(wrong):
        raise NaswotError(
            f"accuracies: network {shown(wrong.index[0])} has {wrong.iloc[0]}, not percent from 0 "
            "to 100; leave out networks whose accuracy is not known."
        )
    if len(known) < FEWEST:
        raise NaswotError(
            f"accuracies: {len(known)} trained networks are too few; train at least {FEWEST}."
        )
    return trained, known.to_numpy()


def _features(
    scores: pd.DataFrame, encoding: pd.DataFrame | None, start: Sequence[str] | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return blocks of features, each (n, F) with mean 0 and variance 1, and the start (n,)."""
    values = _numbers(scores, "scores")
    signs = [-1 if name in LOWER_IS_BETTER else 1 for name in scores.columns]
    ranked = pd.DataFrame(values * signs, columns=scores.columns)
    members = AGGREGATES["ensemble"].scores
    start = [start] if isinstance(start, str) else start
    start = list(start or (members if set(members) <= {*scores.columns} else scores.columns))
    missing = [name for name in start if name not in scores.columns]
    if missing:
        raise NaswotError(f"scores: there is no column {shown(missing[0])} to start from.")
    line = _normal(log_rank(ranked[start].to_numpy())[:, None])
    blocks = [np.hstack([_normal(ranked.to_numpy()), line])]
    if encoding is not None:
        if len(encoding) != len(scores) or not encoding.index.is_unique:
            raise NaswotError(
                f"encoding: {len(encoding)} rows for {len(scores)} networks; give each one row."
            )
        strangers = scores.index.difference(encoding.index, sort=False)
        if len(strangers):
            raise NaswotError(f"encoding: network {shown(strangers[0])} has no row.")
        blocks.append(_numbers(encoding.loc[scores.index], "encoding"))
        if not np.isfinite(blocks[1]).all():
            raise NaswotError("encoding: a number is NaN or infinite; only scores may be.")
    blocks = [
        (block[:, kept] - block[:, kept].mean(axis=0)) / block[:, kept].std(axis=0)
        for block in blocks
        if (kept := np.ptp(block, axis=0) > 0).any()
    ]
    if not blocks:
        raise NaswotError("scores: all columns are constant, so nothing tells the networks apart.")
    return blocks, line[:, 0]


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    texts = [one for one in frame if not pd.api.types.is_numeric_dtype(frame[one])]
    if texts or not frame.shape[1]:
        what = f"column {shown(texts[0])} holds no numbers; drop it" if texts else "no columns"
        raise NaswotError(f"{name}: {what}.")
    return frame.to_numpy(float, na_value=np.nan)


def _normal(values: np.ndarray) -> np.ndarray:
    """Return the normal scores of each column of (n, F): the same ranks, normally distributed."""
    return ndtri((ranks(values) - 0.5) / len(values))


def _gaussian_process(
    blocks: Sequence[np.ndarray], line: np.ndarray, trained: np.ndarray, goal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the normal score of each network: (n,) and (n,).

    The kernel is 1 + l lᵀ for a straight line in the start l, and a Matérn kernel (ν = 5/2) of the
    mean squared difference in each block, summed (Rasmussen and Williams, 2006, chapters 2, 4). All
    is scaled by the likeliest variance of the goal.
    """
    squares = sum(cdist(x, x[trained], "sqeuclidean") / x.shape[1] for x in blocks)
    far = np.sqrt(5 * squares) / LENGTH
    kernel = AMPLITUDE * (1 + far + far**2 / 3) * np.exp(-far) + 1 + np.outer(line, line[trained])
    factor = cho_factor(kernel[trained] + NOISE * np.eye(len(trained)))
    weights = cho_solve(factor, goal)
    scale = goal @ weights / len(goal)
    explained = (kernel * cho_solve(factor, kernel.T).T).sum(axis=1)
    variance = AMPLITUDE + 1 + line**2 + NOISE - explained
    return kernel @ weights, np.sqrt(scale * variance)


def _trees(features: np.ndarray, trained: np.ndarray, goal: np.ndarray, seed: int) -> np.ndarray:
    """Return the normal score of each network that extremely randomised trees predict: (n,)."""
    from sklearn.ensemble import ExtraTreesRegressor  # takes a second

    trees = ExtraTreesRegressor(TREES, max_features=0.3, random_state=seed)
    return trees.fit(features[trained], goal).predict(features)


def _in_percent(
    index: pd.Index,
    trained: np.ndarray,
    values: np.ndarray,
    goal: np.ndarray,
    mean: np.ndarray,
    deviation: np.ndarray,
) -> pd.DataFrame:
    """Return the table of `predict` from the distribution of each network's normal score."""
    # Between the trained networks, accuracy is linear in the normal score. Beyond them it goes on
    # like their best and their worst quarter.
    x, first = np.unique(goal, return_index=True)
    y = values[first]
    quarter = 1 + max(len(x) // 4, 1)
    up, down = _slope(x[-quarter:], y[-quarter:]), _slope(x[:quarter], y[:quarter])
    x, y = np.array([x[0] - 3, *x, x[-1] + 3]), np.array([y[0] - 3 * down, *y, y[-1] + 3 * up])
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights /= weights.sum()
    accuracies = np.clip(np.interp(mean[:, None] + deviation[:, None] * nodes, x, y), 0, 100)
    accuracy = accuracies @ weights
    spread = np.sqrt(np.maximum(accuracies**2 @ weights - accuracy**2, 0))
    improvement = np.maximum(accuracies - values.max(), 0) @ weights
    improvement[trained] = 0
    return pd.DataFrame(
        {"accuracy": accuracy, "deviation": spread, "improvement": improvement}, index=index
    )


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    return (y[-1] - y[0]) / (x[-1] - x[0]) if len(x) > 1 else 0.0
