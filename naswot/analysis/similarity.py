"""Relate the similarity of codes of different images to the accuracy of the trained networks.

Similarity is K_H / N_A of two different images of the mini-batch: the share of ReLU units that are
in the same state for both. Two random codes have .5. The largest values depend on the space and
the images, so the threshold of a high similarity does too: see `high_similarity`.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.analysis.claims import Claim, write_claims
from naswot.analysis.correlation import Correlation, correlate
from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.io.atomic import replacing
from naswot.tables.kernels import Kernels, read_kernels

THRESHOLDS = (0.8, 0.9, 0.95)
SHARES = {f"share_from_{threshold}": threshold for threshold in THRESHOLDS}
HIGH = "share_high"
STATISTICS = ("mean", HIGH, *SHARES, "largest")
DISTINCT = 0.75  # share of pairs of networks from two bands, for the claim that bands are distinct
COLUMNS = [
    "space",
    "dataset",
    "accuracy",
    "images",
    "band",
    "accuracy_low",
    "accuracy_high",
    "statistic",
    "threshold",
    "n",
    "minus_inf",
    "nan",
    "median",
    "q25",
    "q75",
    "tau",
    "tau_low",
    "tau_high",
]


def high_similarity(kernels: Kernels) -> float:
    """Return the median over networks of the 99th percentile of their similarities.

    NaN if the output of every network is NaN.
    """
    reached = [np.quantile(kernels.similarity(row), 0.99) for row in range(len(kernels.index))]
    known = [value for value in reached if not np.isnan(value)]
    return float(np.median(known)) if known else np.nan


def statistics(kernels: Kernels, high: float) -> pd.DataFrame:
    """Return `STATISTICS` of the similarities of each network, one row per network.

    They are the mean over pairs of different images, the share of pairs whose similarity is at
    least `high` and at least each of `THRESHOLDS`, and the largest similarity. NaN if the output of
    the network is NaN.
    """
    rows = []
    for network in range(len(kernels.index)):
        similarity = kernels.similarity(network)
        shares = [np.mean(similarity >= threshold) for threshold in (high, *THRESHOLDS)]
        row = np.array([similarity.mean(), *shares, similarity.max()])
        rows.append(row if np.isfinite(row[0]) else np.full_like(row, np.nan))
    return pd.DataFrame(rows, columns=list(STATISTICS))


def measure_similarity(
    kernels: Sequence[str | Path],
    table: str | Path,
    claims: str | Path,
    *,
    resamples: int,
    seed: int,
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write kernel_similarity.csv and the verdicts on the claims of Figure 1.

    Args:
        kernels: files of `naswot.stages.kernels.compute_kernels`.
        table: CSV file to write, one row per file, band (or "all") and statistic; `COLUMNS`.
        claims: CSV file to write, see `naswot.analysis.claims`.
        resamples, seed: number of resamples and seed of the bootstrap of Kendall tau.
        catalogue: the search spaces of the run.
    """
    rows, found = [], []
    for path in kernels:
        content = read_kernels(path)
        high = high_similarity(content)
        measured = statistics(content, high)
        summary = summarise(content, measured, high, resamples, seed)
        rows += summary
        found += judge(content, measured, pd.DataFrame(summary), resamples, seed, catalogue)
    with replacing(table) as temporary:
        frame = pd.DataFrame(rows, columns=COLUMNS)
        frame.to_csv(temporary, index=False, float_format="%.6g")
    write_claims(claims, "figure1", found)


def summarise(
    kernels: Kernels, measured: pd.DataFrame, high: float, resamples: int, seed: int
) -> list[dict]:
    """Return the rows of kernel_similarity.csv for one file; `measured` is its `statistics`."""
    thresholds = {HIGH: high, **SHARES}
    place = {name: kernels.about[name] for name in ("space", "dataset", "accuracy", "images")}
    groups = [(str(band + 1), kernels.band == band) for band in range(len(kernels.band_low))]
    groups.append(("all", np.ones(len(measured), bool)))
    lows = [*kernels.band_low, kernels.band_low.min()]
    highs = [*kernels.band_high, kernels.band_high.max()]
    rows = []
    for (band, chosen), low, high in zip(groups, lows, highs, strict=True):
        counts = {
            "minus_inf": int(np.isneginf(kernels.score[chosen]).sum()),
            "nan": int(measured["mean"][chosen].isna().sum()),
        }
        for statistic in STATISTICS:
            values = measured.loc[chosen, statistic]
            tau = correlate(values, kernels.accuracy[chosen], resamples, seed)
            quartiles = values.quantile([0.5, 0.25, 0.75])
            rows.append(
                place
                | {"band": band, "accuracy_low": low, "accuracy_high": high}
                | {"statistic": statistic, "threshold": thresholds.get(statistic)}
                | {"n": tau.n, **counts}
                | dict(zip(("median", "q25", "q75"), quartiles, strict=True))
                | {"tau": tau.tau, "tau_low": tau.tau_low, "tau_high": tau.tau_high}
            )
    return rows


def superiority(worse: np.ndarray, better: np.ndarray) -> float:
    """Return the share of pairs in which the value of `better` is smaller; ties count half."""
    if not len(worse) or not len(better):
        return np.nan
    difference = np.sign(np.subtract.outer(worse, better))
    return float((difference.mean() + 1) / 2)


def decided(low: float, high: float) -> bool | None:
    """Return whether an interval is above 0; None if it includes 0 or is NaN."""
    return True if low > 0 else False if high < 0 else None


def judge(
    kernels: Kernels,
    measured: pd.DataFrame,
    summary: pd.DataFrame,
    resamples: int,
    seed: int,
    catalogue: Catalogue = BUILT_IN,
) -> list[Claim]:
    """Return the claims of Figure 1 with verdicts from the kernels of one file.

    Args:
        kernels, measured: the content of a file of kernels, and its `statistics`.
        summary: its rows of kernel_similarity.csv.
        resamples, seed: number of resamples and seed of the bootstrap.
        catalogue: the search spaces of the run.
    """
    where = f"({catalogue.title(kernels.about['space'], kernels.about['dataset'])})"
    rows, best = summary.set_index(["band", "statistic"]), str(len(kernels.band_low))
    overall = rows.loc[("all", HIGH)]
    share = measured[HIGH].to_numpy()
    bands = [share[np.isfinite(share) & (kernels.band == band)] for band in range(int(best))]
    steps = [superiority(*pair) for pair in pairwise(bands)]
    percent = [f"{100 * step:.0f}" for step in (superiority(bands[0], bands[-1]), *steps)]
    # ln |det| of K_H / N_A, which has the same trace for all networks.
    determinant = kernels.score - len(kernels.order) * np.log(kernels.units)
    by_share = correlate(determinant, -share, resamples, seed)
    by_mean = correlate(determinant, -measured["mean"], resamples, seed)
    return [
        Claim(
            "high performing networks have fewer off-diagonal elements of K_H with high "
            f"similarity {where}",
            decided(-overall["tau_high"], -overall["tau_low"]),
            "Kendall tau of accuracy and the share of pairs of images with similarity "
            f"{_short(overall['threshold'])} or more is {_tau(overall)}; within the best band it "
            f"is {_tau(rows.loc[(best, HIGH)])}; with the mean similarity for that share it is "
            f"{_tau(rows.loc[('all', 'mean')])}",
        ),
        Claim(
            f"the kernels of networks in different accuracy bounds are very distinct {where}",
            bool(min(steps) >= DISTINCT) if steps and np.isfinite(steps).all() else None,
            f"of a network of the best and one of the worst of {best} bands, the better has the "
            f"smaller such share in {percent[0]} % of pairs; of networks of neighbouring bands in "
            f"{', '.join(percent[1:])} % (chance is 50 %, distinct would be {100 * DISTINCT:.0f} % "
            f"throughout; n = {sum(map(len, bands))})",
        ),
        Claim(
            "of two kernels with the same trace, the one closer to diagonal has the larger "
            f"determinant {where}",
            decided(by_share.tau_low, by_share.tau_high),
            "Kendall tau of ln |det(K_H / N_A)| and the rarity of such pairs is "
            f"{_tau(by_share)}; with the mean similarity for their share it is {_tau(by_mean)}",
        ),
    ]


def _tau(found: pd.Series | Correlation) -> str:
    """Return tau with its interval and n, such as "−.62 [−.69, −.54] (n = 150)"."""
    row = pd.Series(vars(found)) if isinstance(found, Correlation) else found
    if np.isnan(row["tau"]):
        return f"not defined (n = {row['n']:.0f})"
    tau, low, high = (_short(row[name], "+") for name in ("tau", "tau_low", "tau_high"))
    return f"{tau} [{low}, {high}] (n = {row['n']:.0f})"


def _short(value: float, sign: str = "") -> str:
    """Return a number of at most 1 with two decimals, without the leading 0."""
    return format(value, f"{sign}.2f").replace("0.", ".").replace("-", "−")
