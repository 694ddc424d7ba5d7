"""Summarise the ablations: the scores of each network, and the ranking of all, at each level."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.analysis.claims import write_claims
from naswot.analysis.figure5_claims import claims_of
from naswot.analysis.rankings import kendall, mean_agreement, mean_interval
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata

PLACE = ["ablation", "level"]
QUANTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}


def summarise_ablations(
    shards: Sequence[str | Path],
    *,
    scores: str | Path,
    networks: str | Path,
    levels: str | Path,
    claims: str | Path,
    left_out: Mapping[str, str],
) -> None:
    """Write all scores in one table, summaries per network and level, and the paper's claims.

    Args:
        shards: Parquet files of `naswot.stages.ablate.score_ablation`, in the order to keep.
        scores: Parquet file with the rows of all shards, and the column `normalised`.
        networks: CSV file of `summarise_networks`.
        levels: CSV file of `summarise_levels`.
        claims: CSV file of `naswot.analysis.claims`.
        left_out: image size → the reason why it was not scored.
    """
    table = normalise(pd.concat([read_parquet(path) for path in shards], ignore_index=True))
    about = read_metadata(shards[0])
    same = {name: about[name] for name in ("space", "dataset", "choice", "accuracy")}
    write_parquet(table, scores, build_metadata(**same))
    per_level = summarise_levels(table)
    notes = pd.DataFrame(
        [{"ablation": "image_size", "level": size, "note": why} for size, why in left_out.items()]
    )
    log.info("%d scores took %.0f s of one core", len(table), table["seconds"].sum())
    write_claims(claims, "figure5", claims_of(table))
    place = {"space": same["space"], "dataset": same["dataset"], "accuracy_key": same["accuracy"]}
    place["score"] = "naswot"
    for output, rows in (
        (networks, summarise_networks(table)),
        (levels, pd.concat([per_level, notes])),
    ):
        with replacing(output) as temporary:
            rows.assign(**place).to_csv(temporary, index=False, float_format="%.6g")


def normalise(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with `normalised`: the score divided by the smallest score at its level.

    This follows the paper's Figure 5: "dividing a given score by the minimum score using the same
    mini-batch size from the set of sampled networks". Scores of −inf are not used as the smallest
    and stay −inf. Where the smallest is not positive, the result is NaN, as a ratio is meaningless.
    """
    finite = table["score"].where(np.isfinite(table["score"]))
    least = finite.groupby([table[name] for name in PLACE]).transform("min")
    return table.assign(normalised=table["score"] / least.where(least > 0))


def summarise_networks(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per ablation, level and network.

    `n` is the number of scores; `minus_inf` and `nan` count those that are not finite. Mean,
    standard deviation (of a single score, with n − 1), quartiles, minimum and maximum are of the
    finite ones. `normalised` is the median of the finite normalised scores, with their minimum and
    maximum.
    """
    rows = []
    for place, group in table.groupby([*PLACE, "index"], sort=False):
        score = group["score"].to_numpy(float)
        finite = score[np.isfinite(score)]
        first = group.iloc[0]
        row = dict(zip([*PLACE, "index"], place, strict=True))
        row |= {name: first[name] for name in ("arch", "accuracy", "percentile")}
        row |= _counts(score)
        row |= dict.fromkeys(["mean", "std", "low", *QUANTILES, "high"], np.nan)
        if len(finite):
            row |= {"mean": finite.mean(), "low": finite.min(), "high": finite.max()}
            row["std"] = finite.std(ddof=1) if len(finite) > 1 else np.nan
            row |= {name: np.quantile(finite, q) for name, q in QUANTILES.items()}
        ratio = group["normalised"].where(np.isfinite(group["normalised"]))
        row |= {"normalised_low": ratio.min(), "normalised": ratio.median()}
        row["normalised_high"] = ratio.max()
        rows.append(row)
    return pd.DataFrame(rows)


def summarise_levels(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per ablation and level.

    | column | |
    |---|---|
    | `networks`, `repeats`, `minus_inf`, `nan` | counts; the last two over all scores |
    | `mean`, `std` | of finite scores: over all; within networks, root mean square |
    | `tau_repeats`, `_low`, `_high` | mean tau-b between the rankings of two repeats |
    | `tau_batches` | tau-b between the mean scores and those of the ablation `batches` |
    | `tau_accuracy`, `_low`, `_high` | mean tau-b between a repeat's scores and accuracy |
    | `largest_change` | for `classes`: the largest difference from the first level's scores |
    | `seconds` | mean seconds per score |

    In tau, −inf ranks last. Networks with any NaN are left out of tau.
    """
    known = table[~table["index"].isin(table.loc[table["score"].isna(), "index"])]
    reference = pivot(known, "batches").mean()
    rows = []
    for (ablation, level), group in table.groupby(PLACE, sort=False):
        score = group["score"].to_numpy(float)
        finite = group[np.isfinite(group["score"])]
        scores = pivot(known, ablation, level)
        accuracy = known.drop_duplicates("index").set_index("index")["accuracy"]
        agreement = mean_agreement(scores.to_numpy())
        trained = mean_interval(kendall(scores, accuracy[scores.columns].to_numpy())[:, 0])
        rows.append(
            {
                "ablation": ablation,
                "level": level,
                "networks": group["index"].nunique(),
                "repeats": group["repeat"].nunique(),
                **_counts(score),
                "mean": finite["score"].mean(),
                "std": np.sqrt(finite.groupby("index")["score"].var().mean()),
                **_with_interval("tau_repeats", agreement),
                "tau_batches": kendall(scores.mean(), reference[scores.columns])[0, 0],
                **_with_interval("tau_accuracy", trained),
                "largest_change": _change(table, level) if ablation == "classes" else np.nan,
                "seconds": group["seconds"].mean(),
            }
        )
    return pd.DataFrame(rows).drop(columns="n")


def pivot(table: pd.DataFrame, ablation: str, level: str | None = None) -> pd.DataFrame:
    """Return the scores of an ablation or level: one row per repeat, one column per network."""
    chosen = table[table["ablation"] == ablation]
    if level is not None:
        chosen = chosen[chosen["level"] == level]
    return chosen.pivot(index=["level", "repeat"], columns="index", values="score")


def _change(table: pd.DataFrame, level: str) -> float:
    every = pivot(table, "classes")
    first = every.xs(table.loc[table["ablation"] == "classes", "level"].iloc[0])
    here = every.xs(level)
    equal = here.eq(first)  # −inf too
    return float((here - first).abs().where(~equal, 0.0).max(axis=None))


def _counts(score: np.ndarray) -> dict[str, int]:
    minus_inf, nan = int(np.isneginf(score).sum()), int(np.isnan(score).sum())
    return {"n": len(score), "minus_inf": minus_inf, "nan": nan}


def _with_interval(name: str, found: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))
