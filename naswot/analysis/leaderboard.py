"""Put all that is known of how well scores rank into one table: the leaderboard.

Every network with a known accuracy counts. A score of −inf ranks its network last, and a score that
is no number (NaN) below that; scores that are lower for better networks are turned round first. All
scores of a space and data set meet the same bootstrap resamples, so the interval of the difference
between a score and size is that of a paired comparison.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.analysis.bands import convolutions
from naswot.analysis.comparison import by_place, compare, side_by_side
from naswot.analysis.correlation import CONFIDENCE, published_row, tau_b
from naswot.benchmarks.datasets import epochs_of
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata
from naswot.scores import NEEDS, points_down
from naswot.scores.aggregates import ranks
from naswot.scores.custom import needs_of

SIZES = ("params", "flops")  # the scores that are size alone
OF_TOP = (("ndcg", 10), ("precision", 10), ("regret", 1), ("regret", 10))
OF_COMPARISON = ("spearman", "tau_top_tenth", "tau_within_params", "tau_within_convolutions")
PAPER = "Mellor et al., ICML 2021"  # the source of published_kendall_tau.csv

LEADERBOARD = [
    "space",
    "dataset",
    "accuracy",
    "rank",
    "score",
    "members",
    "n",
    "tau",
    "tau_low",
    "tau_high",
    "minus_inf",
    "nan",
    *OF_COMPARISON,
    *(f"{metric}_{k}" for metric, k in OF_TOP),
    "beyond_size",
    "beyond_size_low",
    "beyond_size_high",
    "seconds",
    "peak_memory_mb",
    "needs",
    "published_tau",
    "published_spearman",
    "published_note",
]


def make_leaderboard(
    joined: Sequence[tuple[str, str | Path, str | Path]],
    top: str | Path,
    published: Sequence[str | Path],
    output: str | Path,
    *,
    resamples: int,
    seed: int,
) -> None:
    """Write leaderboard.csv, columns `LEADERBOARD`: best score first in each space and data set.

    Args:
        joined: data sets, each with a joined table of one score and its file of seconds.
        top: score_top.csv; its metrics and the accuracy that it reports are taken from there.
        published: CSV files with `space, dataset, score, epochs`, `tau` or `spearman`, `note` and
            optionally `source`.
        output: the CSV file.
        resamples, seed: number of resamples and seed of the bootstrap over networks.
    """
    firsts, references = pd.read_csv(top), [pd.read_csv(path) for path in published]
    rows = []
    for (space, dataset), paths in by_place(joined).items():
        found = firsts[(firsts["space"] == space) & (firsts["dataset"] == dataset)]
        if found.empty:
            continue
        accuracy = found["accuracy"].iloc[0]
        place = {"space": space, "dataset": dataset, "accuracy": accuracy}
        metrics = found.set_index(["score", "metric", "k"])["value"]
        table, scores = side_by_side(paths, accuracy)
        known = np.isfinite(table[accuracy].to_numpy(float))
        table, scores = table[known], scores[known].astype(float)
        abouts = {score: read_metadata(path) for score, (path, _) in paths.items()}
        turned = scores * [-1.0 if points_down(abouts[score]) else 1.0 for score in scores]
        measured = pd.DataFrame(measure(turned, table, accuracy, resamples, seed))
        for score, row in zip(scores, measured.to_dict("records"), strict=True):
            members = abouts[score].get("members", [])
            peak = read_metadata(paths[score][1]).get("peak_memory_mib")
            rows.append(
                place
                | row
                | {f"{name}_{k}": metrics.get((score, name, k)) for name, k in OF_TOP}
                | {
                    "score": score,
                    "members": " ".join(members),
                    "seconds": table[f"{score} seconds"].mean(),
                    "peak_memory_mb": None if peak is None else peak * 2**20 / 1e6,
                    "needs": _needs(members or [score]),
                }
                | _published(references, place, score, f"{len(table):,} networks")
            )
    frame = pd.DataFrame(rows, columns=LEADERBOARD)
    frame = frame.astype(dict.fromkeys(("rank", "n", "minus_inf", "nan"), "Int64"))
    places = frame.groupby(["space", "dataset"], sort=False).ngroup()
    order = np.lexsort((-frame["tau"].astype(float), places))
    with replacing(output) as temporary:
        frame.iloc[order].to_csv(temporary, index=False, float_format="%.4f")


def measure(
    scores: pd.DataFrame, table: pd.DataFrame, accuracy: str, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return one row per score of a space and data set: the columns `rank` to `beyond_size_high`.

    Args:
        scores: a column per score, higher is better; −inf and NaN rank last.
        table: of the same networks, with `arch`, `params` (if known) and the accuracy, all known.
        accuracy: the column of the accuracy.
        resamples, seed: of the bootstrap.
    """
    values, target = ranks(scores.to_numpy(float)), table[accuracy].to_numpy(float)
    tau = np.array([tau_b(column, target) for column in values.T])
    sized = [
        place for place, score in enumerate(scores) if score in SIZES and np.isfinite(tau[place])
    ]
    drawn = _resampled(values, target, resamples, seed)
    low, high = _bounds(drawn)
    beyond = np.full((3, len(tau)), np.nan)
    if sized:
        beyond[0] = tau - tau[sized].max()
        size = pd.DataFrame(drawn[:, sized]).max(axis=1).to_numpy()  # without NaN
        beyond[1:] = _bounds(drawn - size[:, None])
    places, counts = pd.Series(tau).rank(ascending=False, method="min"), convolutions(table["arch"])
    rows = []
    for number, score in enumerate(scores):
        ranked = pd.Series(values[:, number], table.index)
        found = compare(ranked, table[accuracy], table.get("params"), counts)
        rows.append(
            {
                "rank": places[number],
                "n": len(table),
                "tau": tau[number],
                "tau_low": low[number],
                "tau_high": high[number],
                "minus_inf": int(np.isneginf(scores[score]).sum()),
                "nan": int(scores[score].isna().sum()),
                **{name: found[name] for name in OF_COMPARISON},
                "beyond_size": beyond[0, number],
                "beyond_size_low": beyond[1, number],
                "beyond_size_high": beyond[2, number],
            }
        )
    return rows


def _resampled(values: np.ndarray, accuracy: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return tau of each column of `values` (n, k) in each resample of the networks."""
    generator = np.random.default_rng(seed)
    taus = np.empty((resamples, values.shape[1]))
    for row in taus:
        drawn = generator.integers(len(accuracy), size=len(accuracy))
        row[:] = [tau_b(column[drawn], accuracy[drawn]) for column in values.T]
    return taus


def _bounds(samples: np.ndarray) -> np.ndarray:
    """Return the bounds (2, k) of the interval of each column of `samples`, without NaN."""
    return pd.DataFrame(samples).quantile([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).to_numpy()


def _needs(scores: Iterable[str]) -> str:
    needed = {need for score in scores for need in needs_of(score)}
    return ", ".join(need for need in NEEDS if need in needed)


def _published(
    references: Iterable[pd.DataFrame], place: dict[str, str], score: str, ours: str
) -> dict[str, Any]:
    """Return the published correlations of a score, and what to know before comparing them."""
    found: dict[str, Any] = {}
    notes = []
    epochs = epochs_of(place["accuracy"])
    for reference in references:
        row = published_row(reference, place["space"], place["dataset"], score, epochs)
        if row is not None:
            known = row.dropna()
            named = [name for name in ("tau", "spearman") if name in known]
            found |= {f"published_{name}": known[name] for name in named}
            notes.append(f"{known.get('source', PAPER)}: {known['note']}")
    if notes:
        notes.append(f"ours: {ours} against {place['accuracy']}")
    return found | {"published_note": "; ".join(notes)}


def compare_with_size(rows: pd.DataFrame, title: str) -> str:
    """Return one sentence: which scores of a space and data set rank better than size alone.

    Args:
        rows: the rows of leaderboard.csv for the space and data set.
        title: their name for readers.
    """
    sized = rows[rows["score"].isin(SIZES) & rows["tau"].notna()]
    if sized.empty:
        return (
            f"On {title}, there is no size to compare with: name params and flops in the "
            "configuration's scores, or set scores: all."
        )
    best = sized.loc[sized["tau"].idxmax()]
    others = rows[~rows["score"].isin(SIZES)]
    # No difference: the score is the same for all networks, and ranks none.
    worse = int((~(others["beyond_size"] >= 0)).sum())
    surely = list(others.loc[others["beyond_size_low"] > 0, "score"])
    return (
        f"On {title}, size alone ({best['score']}, τ {best['tau']:.3f}) ranks better than {worse} "
        f"of {len(others)} other scores; better than size beyond chance: "
        f"{', '.join(surely) or 'none'}."
    )
