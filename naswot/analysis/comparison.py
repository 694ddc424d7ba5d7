"""Compare scores: how well each ranks all networks, the best ones, and networks of equal size."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.analysis.bands import convolutions, fifths, tau_within
from naswot.analysis.correlation import tau_b
from naswot.analysis.top import top_rows
from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.datasets import Dataset
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet
from naswot.scores import points_down
from naswot.tables.seconds import read_seconds

DECILES = 10

COMPARISON = [
    "space",
    "dataset",
    "accuracy",
    "score",
    "n",
    "tau",
    "tau_low",
    "tau_high",
    "spearman",
    "tau_top_tenth",
    "spearman_given_params",
    "tau_within_params",
    "tau_within_convolutions",
    *(f"tau_decile_{decile}" for decile in range(1, DECILES + 1)),
    "seconds",
]
TOP = ["space", "dataset", "accuracy", "score", "n", "metric", "k", "value", "low", "high"]
AGREEMENT = ["space", "dataset", "score", "other", "n", "spearman"]


def compare_scores(
    joined: Sequence[tuple[str, str | Path, str | Path]],
    correlations: str | Path,
    comparison: str | Path,
    agreement: str | Path,
    top: str | Path,
    *,
    resamples: int,
    seed: int,
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write the comparison of the scores, their agreement, and what they put first.

    Args:
        joined: data sets, each with a joined table of one score and its file of seconds; all
            scores of a space and data set are of the same architectures.
        correlations: kendall_tau.csv; tau and its interval are taken from there.
        comparison: CSV file to write, one row per space, dataset and score; `COMPARISON`.
        agreement: CSV file to write, one row per pair of scores; `AGREEMENT`.
        top: CSV file to write, one row per space, dataset, score, metric and k; `TOP`.
        resamples, seed: number of resamples and seed of the bootstrap for `top`.
        catalogue: the search spaces of the run.
    """
    taus = pd.read_csv(correlations)
    rows, pairs, firsts = [], [], []
    for (space, dataset), paths in by_place(joined).items():
        place = {"space": space, "dataset": dataset}
        known = taus[(taus[["space", "dataset"]] == pd.Series(place)).all(axis=1)]
        if known.empty:
            continue
        key = reported_key(known, catalogue[space].datasets[dataset])
        table, scores = side_by_side(paths, key)
        counts = convolutions(table["arch"])
        known = known[known["accuracy"] == key].set_index("score")
        for score in paths:
            tau = known.loc[score, ["n", "tau", "tau_low", "tau_high"]].to_dict()
            found = compare(scores[score], table[key], table.get("params"), counts)
            seconds = table[f"{score} seconds"].mean()
            named: dict[str, Any] = place | {"accuracy": key, "score": score}
            rows.append(named | tau | found | {"seconds": seconds})
            down = points_down(read_metadata(paths[score][0]))
            values = scores[score].to_numpy(float) * (-1 if down else 1)
            accuracy = table[key].to_numpy(float)
            named["n"] = int(np.isfinite(accuracy).sum())
            firsts += [named | row for row in top_rows(values, accuracy, resamples, seed)]
        pairs += [place | pair for pair in agree(scores)]
    for path, content, names in (
        (comparison, rows, COMPARISON),
        (agreement, pairs, AGREEMENT),
        (top, firsts, TOP),
    ):
        with replacing(path) as temporary:
            frame = pd.DataFrame(content, columns=names).astype({"n": "int64"})
            frame.to_csv(temporary, index=False, float_format="%.4f")


def by_place(
    joined: Iterable[tuple[str, str | Path, str | Path]],
) -> dict[tuple[str, str], dict[str, tuple[str | Path, str | Path]]]:
    """Return (space, data set) → score → its joined table and its file of seconds.

    Args:
        joined: data sets, each with a joined table of one score and its file of seconds.
    """
    groups: dict[tuple[str, str], dict[str, tuple[str | Path, str | Path]]] = {}
    for dataset, path, seconds in joined:
        about = read_metadata(path)
        groups.setdefault((about["space"], dataset), {})[about["score"]] = path, seconds
    return groups


def reported_key(rows: pd.DataFrame, dataset: Dataset) -> str:
    """Return the accuracy key to report for a data set.

    Args:
        rows: the rows of kendall_tau.csv for a space and this data set.
        dataset: the data set.
    """
    counts = rows.groupby("accuracy", sort=False)["n"].max().to_dict()
    return dataset.reported(counts, "plotted", others=counts)  # type: ignore[return-value]


def side_by_side(
    paths: Mapping[str, tuple[str | Path, str | Path]], key: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables of the same networks: what is known of them, and their scores.

    Args:
        paths: score → its joined table and its file of seconds.
        key: the accuracy.

    Returns:
        A table with `arch`, the accuracy, `params` (if known) and `{score} seconds` of each score,
        and one with a column per score; both by index of the architecture.
    """
    table, scores = pd.DataFrame(), {}
    for score, (path, seconds) in paths.items():
        joined = read_parquet(path).set_index("index")
        if table.empty:
            table = joined[[name for name in ("arch", key, "params") if name in joined]].copy()
        scores[score] = joined["score"]
        table[f"{score} seconds"] = read_seconds(seconds)["seconds"]
    return table, pd.DataFrame(scores)


def compare(
    score: pd.Series,
    accuracy: pd.Series,
    params: pd.Series | None = None,
    counts: np.ndarray | None = None,
) -> dict[str, float]:
    """Return correlations of a score with an accuracy, over the rows where both are finite.

    Args:
        score, accuracy: (n,).
        params: (n,), numbers of parameters, if known.
        counts: (n,), numbers of convolutions, if known.

    Returns:
        `spearman`; `tau_top_tenth`, Kendall tau within the tenth with the best accuracies;
        `tau_decile_1` … `tau_decile_10`, tau within each tenth, from the worst accuracies to the
        best; `spearman_given_params`, the partial rank correlation given the number of parameters:
        the information of the score beyond the size of a network (NaN without `params`);
        `tau_within_params` and `tau_within_convolutions`, mean tau within each fifth of the
        networks by number of parameters and among networks with equally many convolutions
        (`naswot.analysis.bands`; NaN without these).
    """
    finite = np.isfinite(score.to_numpy(float)) & np.isfinite(accuracy.to_numpy(float))
    x, y = score[finite].to_numpy(float), accuracy[finite].to_numpy(float)
    parts = np.array_split(np.argsort(y, kind="stable"), DECILES)
    deciles = {
        f"tau_decile_{number}": tau_b(x[part], y[part]) for number, part in enumerate(parts, 1)
    }
    columns = {"x": x, "y": y}
    if params is not None:
        columns["z"] = params[finite].to_numpy(float)
    rho = pd.DataFrame(columns).corr(method="spearman")
    given, bands = np.nan, None
    if params is not None:
        bands = fifths(params[finite])
        given = partial_correlation(rho.at["x", "y"], *rho.loc[["x", "y"], "z"])
    return {
        "spearman": rho.at["x", "y"],
        "tau_top_tenth": deciles[f"tau_decile_{DECILES}"],
        "spearman_given_params": given,
        "tau_within_params": tau_within(x, y, bands),
        "tau_within_convolutions": tau_within(x, y, None if counts is None else counts[finite]),
        **deciles,
    }


def partial_correlation(xy: float, xz: float, yz: float) -> float:
    """Return the partial correlation of x and y given z, from the three pairwise correlations.

    NaN where z determines x or y. (Do not use it with Kendall taus: if x and y are independent
    given z, the result need not be 0.)
    """
    rest = (1 - xz**2) * (1 - yz**2)
    return (xy - xz * yz) / np.sqrt(rest) if rest > 1e-12 else np.nan


def agree(scores: pd.DataFrame) -> list[dict]:
    """Return one row per ordered pair of columns: Spearman's rho over the finite rows."""
    values = scores.where(np.isfinite(scores.astype(float)))
    matrix = values.corr(method="spearman")
    counts = values.notna().astype(int)
    together = counts.T @ counts
    return [
        {
            "score": score,
            "other": other,
            "n": int(together.loc[score, other]),
            "spearman": matrix.loc[score, other],
        }
        for score in scores
        for other in scores
    ]
