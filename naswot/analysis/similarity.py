"""How similar untrained networks find different images, by the networks' trained accuracy.

Similarity is K_H / N_A of two different images of the mini-batch: the share of rectified units
that are in the same state for both. Two codes of coin tosses have .5.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.analysis.claims import Claim, write_claims
from naswot.analysis.correlation import Correlation, correlate
from naswot.benchmarks.datasets import datasets_of
from naswot.files import replacing
from naswot.kernels import Kernels, read_kernels
from naswot.spaces import get_space

THRESHOLDS = (0.8, 0.9, 0.95)
SHARES = {f"share_from_{threshold}": threshold for threshold in THRESHOLDS}
STATISTICS = ("mean", *SHARES, "largest")
SIMILAR = "share_from_0.9"  # what the claims call highly similar
DISTINCT = 0.75  # of pairs of networks of two bands, for the claim that bands are distinct
COLUMNS = [
    "space",
    "dataset",
    "accuracy",
    "images",
    "band",
    "accuracy_low",
    "accuracy_high",
    "statistic",
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


def statistics(kernels: Kernels) -> pd.DataFrame:
    """Return `STATISTICS` of the similarities of each network, a row a network.

    They are the mean over pairs of different images, the shares of pairs whose similarity is at
    least each of `THRESHOLDS`, and the largest. NaN where the network's output is NaN.
    """
    rows = []
    for network in range(len(kernels.index)):
        similarity = kernels.similarity(network)
        if np.isnan(similarity).any():
            rows.append([np.nan] * len(STATISTICS))
            continue
        shares = [np.mean(similarity >= threshold) for threshold in THRESHOLDS]
        rows.append([similarity.mean(), *shares, similarity.max()])
    return pd.DataFrame(rows, columns=list(STATISTICS))


def similarity_tables(
    kernels: Sequence[str | Path],
    table: str | Path,
    claims: str | Path,
    *,
    resamples: int,
    seed: int,
) -> None:
    """Write kernel_similarity.csv and what becomes of the claims of Figure 1.

    Args:
        kernels: files of `naswot.banding.write_kernels`.
        table: CSV file to write, a row a file, band (and all of them) and statistic; `COLUMNS`.
        claims: CSV file to write, see `naswot.analysis.claims`.
        resamples, seed: of the bootstrap of Kendall tau.
    """
    rows, found = [], []
    for path in kernels:
        one = read_kernels(path)
        measured = statistics(one)
        summary = summarise(one, measured, resamples, seed)
        rows += summary
        found += judge(one, measured, pd.DataFrame(summary), resamples, seed)
    with replacing(table) as temporary:
        frame = pd.DataFrame(rows, columns=COLUMNS)
        frame.to_csv(temporary, index=False, float_format="%.6g")
    write_claims(claims, "figure1", found)


def summarise(kernels: Kernels, measured: pd.DataFrame, resamples: int, seed: int) -> list[dict]:
    """Return the rows of kernel_similarity.csv of one file; `measured` is its `statistics`."""
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
                | {"statistic": statistic, "n": tau.n, **counts}
                | dict(zip(("median", "q25", "q75"), quartiles, strict=True))
                | {"tau": tau.tau, "tau_low": tau.tau_low, "tau_high": tau.tau_high}
            )
    return rows


def superiority(worse: np.ndarray, better: np.ndarray) -> float:
    """Return the share of pairs in which the one of `better` is smaller; ties count half."""
    if not len(worse) or not len(better):
        return np.nan
    difference = np.sign(np.subtract.outer(worse, better))
    return float((difference.mean() + 1) / 2)


def decided(low: float, high: float) -> bool | None:
    """Return whether an interval is above 0; None where it holds 0 or is not known."""
    return True if low > 0 else False if high < 0 else None


def judge(
    kernels: Kernels, measured: pd.DataFrame, summary: pd.DataFrame, resamples: int, seed: int
) -> list[Claim]:
    """Return the claims of Figure 1 and what the kernels of one file say of each.

    Args:
        kernels, measured: a file of kernels and its `statistics`.
        summary: its rows of kernel_similarity.csv.
        resamples, seed: of the bootstrap.
    """
    space, dataset = kernels.about["space"], kernels.about["dataset"]
    where = f"({get_space(space).title}, {datasets_of(space)[dataset].title})"
    rows = summary.set_index(["band", "statistic"])
    overall, best = rows.loc[("all", SIMILAR)], str(len(kernels.band_low))
    known = measured[SIMILAR].notna().to_numpy()
    bands = [
        measured[SIMILAR].to_numpy()[known & (kernels.band == band)] for band in range(int(best))
    ]
    over_all = superiority(bands[0], bands[-1])
    steps = [superiority(*pair) for pair in pairwise(bands)]
    none = np.mean(measured[SIMILAR][known] == 0)
    # Of K_H / N_A, which has the same trace for all networks.
    determinant = kernels.score - len(kernels.order) * np.log(kernels.units)
    diagonal = correlate(determinant, -measured[SIMILAR], resamples, seed)
    mean = correlate(determinant, -measured["mean"], resamples, seed)
    return [
        Claim(
            "high performing networks have fewer off-diagonal elements of K_H with high "
            f"similarity {where}",
            decided(-overall["tau_high"], -overall["tau_low"]),
            "Kendall tau of accuracy and the share of pairs with similarity .9 or more is "
            f"{_tau(overall)}; {100 * none:.0f} % of the networks have no such "
            f"pair; tau within the best band is {_tau(rows.loc[(best, SIMILAR)])}; tau of accuracy "
            f"and the mean similarity is {_tau(rows.loc[('all', 'mean')])}",
        ),
        Claim(
            f"the kernels of networks in different accuracy bounds are very distinct {where}",
            None if np.isnan(steps).any() or not steps else bool(min(steps) >= DISTINCT),
            "the network of the better band has the smaller share of pairs with similarity .9 or "
            f"more in {100 * over_all:.0f} % of pairs of networks of the best and the worst band, "
            f"and in {', '.join(f'{100 * step:.0f}' for step in steps)} % of those of neighbouring "
            f"bands (ties count half, chance is 50 %, distinct would be {100 * DISTINCT:.0f} %; "
            f"n = {known.sum()} in {best} bands)",
        ),
        Claim(
            "of two kernels with the same trace, the one closer to diagonal has the larger "
            f"determinant {where}",
            decided(diagonal.tau_low, diagonal.tau_high),
            "Kendall tau of ln |det(K_H / N_A)| and the rarity of pairs with similarity .9 or more "
            f"is {_tau(diagonal)}; with the mean similarity for their share it is {_tau(mean)}",
        ),
    ]


def _tau(row: pd.Series | Correlation) -> str:
    """Return tau with its interval and n, such as "−.62 [−.69, −.54] (n = 150)"."""
    row = pd.Series(vars(row)) if isinstance(row, Correlation) else row
    if np.isnan(row["tau"]):
        return f"not defined (n = {row['n']:.0f})"
    tau, low, high = (
        f"{row[name]:+.2f}".replace("0.", ".").replace("-", "−")
        for name in ("tau", "tau_low", "tau_high")
    )
    return f"{tau} [{low}, {high}] (n = {row['n']:.0f})"
