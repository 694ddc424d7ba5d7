"""Compute Kendall tau between a score and an accuracy, with an interval.

tau is tau-b, over the architectures whose score and accuracy are finite. A score of −inf has a
meaning too ("the network cannot distinguish two inputs"), so a second tau ranks −inf last. The
interval is a bootstrap interval: architectures are resampled with replacement. If all architectures
of a space are scored, tau itself is exact, and the interval says how much it would vary among
similar spaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.datasets import epochs_of
from naswot.benchmarks.table import accuracy_keys
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet

MOST_IN_PAIRS = 500  # above, sorting each resample is faster
CONFIDENCE = 0.95
# The authors' plots show networks above this accuracy (%): networks at chance are left out.
# TransNAS-Bench-101 has other metrics than accuracies.
LEAST_PLOTTED = {"nasbench101": 50.0, "transnas_micro": -np.inf, "transnas_macro": -np.inf}
LEAST_PLOTTED_ELSEWHERE = 15.0

COLUMNS = [
    "space",
    "dataset",
    "score",
    "accuracy",
    "n",
    "tau",
    "tau_low",
    "tau_high",
    "minus_inf",
    "published",
    "tau_minus_inf_last",
    "n_plotted",
    "tau_plotted",
    "images",
    "note",
]


@dataclass(frozen=True)
class Correlation:
    """Kendall tau of n finite pairs, its interval, and the counts of scores that are not finite.

    `tau_plotted` is that of the `n_plotted` pairs whose accuracy the authors would plot.
    """

    n: int
    tau: float
    tau_low: float
    tau_high: float
    tau_minus_inf_last: float
    n_plotted: int
    tau_plotted: float
    minus_inf: int
    inf: int
    nan: int


def correlate(
    score: np.ndarray,
    accuracy: np.ndarray,
    resamples: int = 1000,
    seed: int = 0,
    least_plotted: float = LEAST_PLOTTED_ELSEWHERE,
) -> Correlation:
    """Return Kendall tau-b between `score` and `accuracy`, arrays of equal length.

    Rows with unknown accuracy (NaN) are left out everywhere. tau is NaN if fewer than two pairs
    are left or one side is constant. `tau_plotted` leaves out accuracies up to `least_plotted` (%).
    """
    score, accuracy = np.asarray(score, float), np.asarray(accuracy, float)
    known = np.isfinite(accuracy)
    score, accuracy = score[known], accuracy[known]
    finite, minus_inf = np.isfinite(score), np.isneginf(score)
    x, y = _ranks(score[finite]), _ranks(accuracy[finite])
    low, high = _interval(x, y, resamples, seed)
    ranked, plotted = finite | minus_inf, finite & (accuracy > least_plotted)
    return Correlation(
        n=int(finite.sum()),
        tau=tau_b(x, y),
        tau_low=low,
        tau_high=high,
        tau_minus_inf_last=tau_b(_ranks(score[ranked]), _ranks(accuracy[ranked])),
        n_plotted=int(plotted.sum()),
        tau_plotted=tau_b(_ranks(score[plotted]), _ranks(accuracy[plotted])),
        minus_inf=int(minus_inf.sum()),
        inf=int(np.isposinf(score).sum()),
        nan=int(np.isnan(score).sum()),
    )


def correlate_scores(
    joined: Sequence[tuple[str, str | Path]],
    output: str | Path,
    *,
    published: str | Path,
    resamples: int,
    seed: int,
    missing: Mapping[str, str] | None = None,
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write kendall_tau.csv: one row per space, data set and accuracy key.

    Args:
        joined: data sets, each with the joined table of the score on its images.
        output: the CSV file.
        published: CSV file with `space, dataset, score, epochs, tau, note`; a row without epochs
            applies to every length of training.
        resamples, seed: number of resamples and seed of the bootstrap.
        missing: space → the reason why it was left out; each gets a row with this note.
        catalogue: the search spaces of the run.
    """
    reference = pd.read_csv(published)
    rows = []
    for dataset, path in joined:
        table, described = read_parquet(path), read_metadata(path)
        space, score = described["space"], described["score"]
        least = LEAST_PLOTTED.get(space, LEAST_PLOTTED_ELSEWHERE)
        for key in catalogue[space].datasets[dataset].keys_among(accuracy_keys(table)):
            found = asdict(correlate(table["score"], table[key], resamples, seed, least))
            lost = {kind: found.pop(kind) for kind in ("nan", "inf")}
            notes = [f"{count} scores are {kind}" for kind, count in lost.items() if count]
            if np.isnan(found["tau"]):
                notes.append(_why_none(table["score"], table[key]))
            known = published_row(reference, space, dataset, score, epochs_of(key))
            if known is not None:
                notes.append(known["note"])
            rows.append(
                {
                    "space": space,
                    "dataset": dataset,
                    "score": score,
                    "accuracy": key,
                    **found,
                    "published": None if known is None else known["tau"],
                    "images": described["images"],
                    "note": "; ".join(notes),
                }
            )
    rows.extend(
        {"space": space, "n": 0, "note": f"left out: {why}"}
        for space, why in (missing or {}).items()
    )
    with replacing(output) as temporary:
        whole = dict.fromkeys(("minus_inf", "n_plotted"), "Int64")
        table = pd.DataFrame(rows, columns=COLUMNS).astype(whole)
        table.to_csv(temporary, index=False, float_format="%.4f")


def _why_none(score: pd.Series, accuracy: pd.Series) -> str:
    """Return the reason why two columns have no tau."""
    known = accuracy[np.isfinite(accuracy.astype(float))]
    if known.empty:
        return "no tau: no architecture has this accuracy"
    both = known[np.isfinite(score[known.index])]
    if len(both) < 2:
        return f"no tau: architectures with a finite score and this accuracy: {len(both)}"
    equal = "accuracies" if both.nunique() == 1 else "scores"
    return f"no tau: all {len(both)} {equal} are equal"


def published_row(
    reference: pd.DataFrame, space: str, dataset: str, score: str, epochs: int | None
) -> pd.Series | None:
    """Return the first row of `reference` for these, or None.

    Args:
        reference: columns `space, dataset, score, epochs`; a row without epochs applies to every
            length of training.
        space, dataset, score, epochs: what was measured; no epochs where they differ.
    """
    place = {"space": space, "dataset": dataset, "score": score}
    rows = reference[(reference[list(place)] == pd.Series(place)).all(axis=1)]
    rows = rows[rows["epochs"].isna() | (rows["epochs"] == epochs)]
    return None if rows.empty else rows.iloc[0]


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks of `values` as small integers; ties stay ties, and sorting becomes faster."""
    return np.unique(values, return_inverse=True)[1]


def tau_b(x: np.ndarray, y: np.ndarray) -> float:
    """Return Kendall tau-b of finite x and y; NaN for fewer than two or a constant side."""
    if len(x) < 2:
        return np.nan
    # The p-value is not used; the asymptotic one is fastest to compute, but fails for n = 2.
    method = "asymptotic" if len(x) > 2 else "auto"
    return float(kendalltau(x, y, method=method).statistic)


def _resampled(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return Kendall tau-b of resamples, (R,); `counts` (R, n) says how often each pair occurs.

    All pairs of pairs are compared once, instead of sorting each resample.
    """
    a, b = (np.sign(np.subtract.outer(values, values)).astype(float) for values in (x, y))
    weights = counts.astype(float)
    agree, in_x, in_y = (((weights @ m) * weights).sum(axis=1) / 2 for m in (a * b, a**2, b**2))
    with np.errstate(invalid="ignore"):  # a resample may be constant
        return agree / np.sqrt(in_x) / np.sqrt(in_y)


def _interval(x: np.ndarray, y: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    if len(x) < 2:
        return np.nan, np.nan
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(len(x), size=len(x)) for _ in range(resamples))
    if len(x) <= MOST_IN_PAIRS:
        taus = _resampled(x, y, np.array([np.bincount(rows, minlength=len(x)) for rows in drawn]))
    else:
        taus = np.array([tau_b(x[rows], y[rows]) for rows in drawn])
    if not np.isfinite(taus).any():
        return np.nan, np.nan
    low, high = np.nanquantile(taus, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return float(low), float(high)
