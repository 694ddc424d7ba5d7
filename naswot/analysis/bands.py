"""Kendall tau among networks that are alike in size: what a score says beyond it."""

import numpy as np
import pandas as pd

from naswot.analysis.correlation import tau_b

FIFTHS = 5


def fifths(values: pd.Series) -> np.ndarray:
    """Return the fifth of each of `values` (n,), 1 to 5, by rank; equal values share a fifth."""
    return np.ceil(FIFTHS * values.rank(pct=True).to_numpy(float))


def convolutions(archs: pd.Series) -> np.ndarray | None:
    """Return how many operations of each architecture string are convolutions.

    Operations that no path uses count too. None for a space whose strings name no convolutions,
    such as one of sizes.
    """
    counts = archs.str.count("conv").to_numpy(float)
    return counts if counts.any() else None


def tau_within(score: np.ndarray, accuracy: np.ndarray, groups: np.ndarray | None) -> float:
    """Return Kendall tau-b within groups of networks: the mean, weighted by pairs of networks.

    A score that is equal in all of a group orders none of its pairs, so it counts as 0 there.
    Groups in which all accuracies are equal, or that have one network, are left out.

    Args:
        score, accuracy: (n,), finite.
        groups: (n,), the group of each network; NaN is no group. None: there are no groups.

    Returns:
        The mean; NaN without groups.
    """
    taus, pairs = [], []
    for group in np.unique(groups[~np.isnan(groups)]) if groups is not None else ():
        x, y = score[groups == group], accuracy[groups == group]
        if len(np.unique(y)) > 1:
            taus.append(tau_b(x, y) if len(np.unique(x)) > 1 else 0.0)
            pairs.append(len(x) * (len(x) - 1) / 2)
    return float(np.average(taus, weights=pairs)) if taus else np.nan
