"""Measure how stable the ranking is over repeats, and predict it from the variance components."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import SupportsFloat

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from naswot.analysis.rankings import wins
from naswot.analysis.variance import COMPONENTS, components, decompose
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet

REPEATED = ("mini-batches", "initialisations", "both")
REPEATS = (1, 2, 3, 4, 5, 10, 20)
SPLITS = 60  # random pairs of disjoint averages
RESAMPLES = 200  # maximum of bootstrap resamples for the intervals of mean correlations
BETTER = 4  # minimum of architectures to analyse the better half separately
MEASURES = ("tau", "spearman", "pearson", "tau_accuracy")


def estimate_variance(
    shards: Sequence[str | Path],
    output: str | Path,
    stability: str | Path,
    *,
    resamples: int,
    seed: int,
) -> None:
    """Write the components of variance and the stability of the ranking as CSV.

    Both are computed for all architectures and for the better half by accuracy. Architectures with
    any score that is not finite are left out and counted as `excluded`.

    Args:
        shards: Parquet files of `naswot.stages.ablate.score_ablation` for the ablation "variance".
        output: CSV file of `naswot.analysis.variance.decompose` for both populations.
        stability: CSV file of `stability_of` for both populations.
        resamples, seed: number of resamples and seed of the bootstrap.
    """
    table = pd.concat([read_parquet(path) for path in shards], ignore_index=True)
    about = read_metadata(shards[0])
    every, trained = crossed(table)
    kept = np.isfinite(every).all(axis=(1, 2))
    finite, accuracy = every[kept], trained[kept]
    order = np.argsort(accuracy, kind="stable")
    populations = {"all": order}
    if len(order) >= BETTER:
        populations["better half"] = order[len(order) // 2 :]
    same = {name: about[name] for name in ("space", "dataset", "images")}
    same["accuracy_key"] = about["accuracy"]
    tables: dict[str | Path, list[pd.DataFrame]] = {output: [], stability: []}
    for population, chosen in populations.items():
        if len(chosen) < 2:
            continue
        numbers = {
            "population": population,
            "architectures": len(chosen),
            "excluded": int((~kept).sum()),
            "batches": every.shape[1],
            "initialisations": every.shape[2],
        }
        scores = finite[chosen]
        found = decompose(scores, resamples, seed)
        steady = stability_of(scores, accuracy[chosen], min(resamples, RESAMPLES), seed)
        tables[output].append(found.assign(**numbers | same))
        tables[stability].append(steady.assign(**numbers | same))
    for path, parts in tables.items():
        first = ["population", "architectures", "excluded"]
        whole = pd.concat(parts) if parts else pd.DataFrame(columns=first)
        with replacing(path) as temporary:
            whole[[*first, *whole.columns.drop(first)]].to_csv(
                temporary, index=False, float_format="%.6g"
            )


def crossed(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (architectures, mini-batches, initialisations) and accuracies (architectures,).

    A combination that was not scored is NaN.
    """
    names = ["index", "batch_seed", "init_seed"]
    labels = [np.unique(table[name]) for name in names]
    combinations = pd.MultiIndex.from_product(labels)
    scores = table.set_index(names)["score"].reindex(combinations).to_numpy(float)
    accuracy = table.drop_duplicates("index").set_index("index")["accuracy"]
    return scores.reshape([*map(len, labels)]), accuracy[labels[0]].to_numpy(float)


def reliability(found: Mapping[str, SupportsFloat], repeated: str, repeats: int) -> float:
    """Return the correlation of two averages of `repeats` scores, predicted from the components.

    It is the Spearman–Brown formula with several sources of error, the generalisability coefficient
    of relative decisions (Brennan, 2001). A factor that is not repeated is the same in both
    averages: with a single initialisation, architecture × initialisation counts as true variance.

    Args:
        found: component → variance; negative ones count as zero.
        repeated: one of `REPEATED`; with "both", each repeat has a different mini-batch and a
            different initialisation.
        repeats: number of scores in each average.
    """
    kept = {name: max(float(found[name]), 0.0) for name in COMPONENTS}
    true, error = kept["architecture"], kept["residual"]
    for factor, name in (("mini-batches", "images"), ("initialisations", "initialisation")):
        if repeated in (factor, "both"):
            error += kept[f"architecture × {name}"]
        else:
            true += kept[f"architecture × {name}"]
    return true / (true + error / repeats) if true + error else np.nan


def stability_of(
    scores: np.ndarray, accuracy: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Return the agreement of averages over r repeats, with each other and with accuracy.

    Args:
        scores: finite (architectures, mini-batches, initialisations), two or more of each.
        accuracy: (architectures,) in percent.
        resamples, seed: of the bootstrap over architectures; the seed also draws the splits.

    Returns:
        One row per combination of `REPEATED` and `REPEATS`: `repeated`, `repeats`; `splits`, the
        number of compared pairs of disjoint averages; their mean Kendall `tau`, `spearman` and
        `pearson`; `tau_accuracy`, the mean tau-b of an average with accuracy; each with a 95 %
        interval, `_low` and `_high`. The components predict `reliability` (pearson) and, for normal
        scores, `tau_predicted` = (2/π) asin(reliability) and `spearman_predicted` =
        (6/π) asin(½ reliability). Values are empty where there are too few repeats.
    """
    found, rows = components(scores), []
    for repeated in REPEATED:
        for repeats in REPEATS:
            expected = reliability(found, repeated, repeats)
            splits = split_averages(scores, repeated, repeats, seed)
            averages = splits or [
                (average, average) for average in averages_of(scores, repeated, repeats, seed)
            ]
            row = {"repeated": repeated, "repeats": repeats, "splits": len(splits)}
            row |= _measured(averages, accuracy, resamples, seed, bool(splits))
            row |= {
                "reliability": expected,
                "tau_predicted": 2 / np.pi * np.arcsin(expected),
                "spearman_predicted": 6 / np.pi * np.arcsin(expected / 2),
            }
            rows.append(row)
    return pd.DataFrame(rows)


def averages_of(
    scores: np.ndarray, repeated: str, repeats: int, seed: int, groups: int = 1
) -> list[np.ndarray]:
    """Return up to `SPLITS` random averages over `repeats` scores, each (architectures,).

    With `groups`, each is (groups, architectures): averages that share no repeat. The list is
    empty if there are too few repeats.
    """
    _, batches, starts = scores.shape
    most = {"mini-batches": batches, "initialisations": starts, "both": min(batches, starts)}
    taken = repeats * groups
    if taken > most[repeated]:
        return []
    generator, found = np.random.default_rng(seed), []
    for _ in range(SPLITS):
        batch, start = generator.permutation(batches), generator.permutation(starts)
        if repeated == "mini-batches":
            drawn = scores[:, batch[:taken], start[0]]
        elif repeated == "initialisations":
            drawn = scores[:, batch[0], start[:taken]]
        else:
            drawn = scores[:, batch[:taken], start[:taken]]
        means = drawn.reshape(len(scores), groups, repeats).mean(axis=2).T
        found.append(means if groups > 1 else means[0])
    return found


def split_averages(
    scores: np.ndarray, repeated: str, repeats: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of averages over `repeats` different scores, each (architectures,)."""
    pairs = averages_of(scores, repeated, repeats, seed, groups=2)
    return [(first, second) for first, second in pairs]


def _measured(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    accuracy: np.ndarray,
    resamples: int,
    seed: int,
    disjoint: bool,
) -> dict[str, float]:
    """Return the mean correlations of `pairs`, with bootstrap intervals."""
    if not pairs:
        return {}
    x, y = (np.stack(side) for side in zip(*pairs, strict=True))
    generator = np.random.default_rng(seed)
    drawn = generator.integers(x.shape[1], size=(resamples, x.shape[1]))
    names = MEASURES if disjoint else MEASURES[-1:]
    value = _correlations(x, y, accuracy)
    resampled = [_correlations(x[:, rows], y[:, rows], accuracy[rows]) for rows in drawn]
    found: dict[str, float] = {}
    for name in names:
        low, high = np.nanquantile([means[name] for means in resampled], (0.025, 0.975))
        found |= {name: value[name], f"{name}_low": low, f"{name}_high": high}
    return found


def _correlations(x: np.ndarray, y: np.ndarray, accuracy: np.ndarray) -> dict[str, float]:
    """Return the mean over rows of the correlations of x and y, both (splits, architectures)."""
    a, b, trained = wins(x), wins(y), wins(accuracy)
    return {
        "tau": _cosine(a, b),
        "spearman": _pearson(rankdata(x, axis=1), rankdata(y, axis=1)),
        "pearson": _pearson(x, y),
        "tau_accuracy": (_cosine(a, trained) + _cosine(b, trained)) / 2,
    }


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    return _cosine(x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True))


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):
        cosines = (x * y).sum(axis=-1) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    return float(np.mean(cosines))
