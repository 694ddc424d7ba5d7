"""Describe what searches find under a limit of latency, and whether a score beats size there.

Intervals are Student's t over the runs. They tell how far the draws of a run matter, not how far
another mini-batch or another initialisation would change the scores.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from naswot.benchmarks.datasets import TITLES
from naswot.benchmarks.hardware import DEVICES

CONFIDENCE = 0.95
SIZE, RANDOM, OPTIMAL = "params", "random", "optimal"  # what else `chosen_by` may be than a score

COLUMNS = [
    "space",
    "dataset",
    "accuracy",
    "device",
    "quantile",
    "limit_ms",
    "satisfying",
    "chosen_by",
    "sample_size",
    "drawn",
    "runs",
    "mean",
    "std",
    "mean_low",
    "mean_high",
    "beyond_params",
    "beyond_params_low",
    "beyond_params_high",
    "latency_ms",
    "latency_ms_max",
    "search_seconds",
    "minus_inf",
    "nan",
    "note",
]
WHOLE_NUMBERS = ("quantile", "satisfying", "sample_size", "drawn", "runs", "minus_inf", "nan")
# Digits after the point. A limit and the largest latency are written in full, to be compared.
DIGITS = dict.fromkeys(("mean", "std", "mean_low", "mean_high", "latency_ms"), 4)
DIGITS |= dict.fromkeys(("beyond_params", "beyond_params_low", "beyond_params_high"), 4)
DIGITS |= {"search_seconds": 2}


def mean_with_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of (n,) finite values and its 95 % interval; NaN where n is too small."""
    n = len(values)
    mean = values.mean() if n else np.nan
    if n < 2:
        return mean, np.nan, np.nan
    half = t.ppf((1 + CONFIDENCE) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return mean, mean - half, mean + half


def describe(found: np.ndarray, reference: np.ndarray | None = None) -> dict[str, Any]:
    """Return the columns `runs` to `beyond_params_high` of one search.

    Args:
        found: (runs,) accuracies of the choices in percent; NaN where unknown.
        reference: (runs,) those of the choices by size, with the same draws; None: not compared.
    """
    known = found[~np.isnan(found)]
    mean, low, high = mean_with_interval(known)
    row = {
        "runs": len(known),
        "mean": mean,
        "std": known.std(ddof=1) if len(known) > 1 else np.nan,
        "mean_low": low,
        "mean_high": high,
    }
    if reference is not None:
        differences = found - reference
        beyond = mean_with_interval(differences[~np.isnan(differences)])
        names = ("beyond_params", "beyond_params_low", "beyond_params_high")
        row |= dict(zip(names, beyond, strict=True))
    return row


def to_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as the table search_study.csv: `COLUMNS`, rounded to `DIGITS`."""
    table = pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))
    return table.astype(dict.fromkeys(DIGITS, float)).round(DIGITS)


def to_markdown(table: pd.DataFrame) -> str:
    """Return the answer to "does a score beat size?", one line per data set, device and score."""
    lines = [
        "# What a score finds under a limit of latency",
        "",
        "A score beats size, or trails it, where the 95 % interval of the paired difference of",
        "their accuracies is above 0, or below. Differences are means over all limits, in points",
        "of accuracy.",
    ]
    for (_, dataset, key), rows in table.groupby(["space", "dataset", "accuracy"], sort=False):
        lines += ["", f"## {TITLES[dataset]}, {key}", ""]
        lines += [f"- {line}" for line in _sentences(rows)]
    return "\n".join(lines) + "\n"


def _sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield a line per device and score, for the largest sample size, from the rows of a place."""
    scores = [name for name in rows["chosen_by"].unique() if name not in (SIZE, RANDOM, OPTIMAL)]
    for device, own in rows.groupby("device", sort=False):
        limits = own["quantile"].nunique()
        means = {
            name: _largest(own, name).set_index("quantile")["mean"] for name in own["chosen_by"]
        }
        for score in scores:
            row = _largest(own, score)
            above = int((row["beyond_params_low"] > 0).sum())
            below = int((row["beyond_params_high"] < 0).sum())
            size = int(row["sample_size"].max())
            yield (
                f"{DEVICES[device]}: {score} (N={size}) beats size at {above} of {limits} limits "
                f"and trails it at {below}, by {row['beyond_params'].mean():+.2f}; it is "
                f"{(means[score] - means[RANDOM]).mean():+.2f} from random and "
                f"{(means[score] - means[OPTIMAL]).mean():+.2f} from the best possible."
            )


def _largest(rows: pd.DataFrame, chosen_by: str) -> pd.DataFrame:
    """Return the rows of one way to choose, at each limit that of the largest sample size."""
    own = rows[rows["chosen_by"] == chosen_by].sort_values("sample_size", kind="stable")
    return own.drop_duplicates("quantile", keep="last").sort_values("quantile")
