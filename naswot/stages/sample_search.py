"""Simulate NASWOT, Random and Optimal on a table of architectures: one row per run."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import Dataset
from naswot.io.parquet import column_names, digest_of, read_metadata, read_parquet, write_parquet
from naswot.runtime.provenance import build_metadata
from naswot.scores import points_down
from naswot.scores.aggregates import RULES
from naswot.search.sampling import SAMPLINGS, draw
from naswot.search.simulation import compare_within
from naswot.search.trajectory import Trajectory
from naswot.tables.members import read_members
from naswot.tables.seconds import read_seconds
from naswot.tables.trajectories import write_trajectory

RESAMPLED_POOLS = 100


def search_by_sampling(
    table: str | Path,
    output: str | Path,
    trajectories: str | Path,
    *,
    dataset: Dataset,
    method: str,
    sample_sizes: Sequence[int],
    runs: int,
    seed: int,
    seconds: str | Path | None = None,
) -> None:
    """Simulate `runs` searches for each sample size; write one row per run, and one row per draw.

    The draws are those of the largest sample; smaller samples are the first draws of it. `table` is
    a joined table or, for methods that need no score, a benchmark table of a whole space.
    `seconds` is the file with the seconds of its scores, for NASWOT.
    """
    about = read_metadata(table)
    pool, by = read_pool(table, [dataset.valid, dataset.test], seconds)
    results = pd.concat(
        [search(pool, dataset, method, size, runs, seed, by) for size in sample_sizes],
        ignore_index=True,
    )
    drawn = trajectory(pool, dataset, method, max(sample_sizes), runs, seed, by)
    if points_down(about):
        results["score"] *= -1
    score, title, fitness = about.get("score"), method.title(), None
    if SAMPLINGS[method].scored:
        title, fitness = "NASWOT" if score == "naswot" else str(score), score
    elif method == "optimal":
        fitness = _optimal_key(pool, dataset)
    metadata = about | build_metadata(
        dataset=dataset.name,
        method=method,
        sample_sizes=list(sample_sizes),
        runs=runs,
        seed=seed,
        pool="scored" if "sample" in about else "whole",
        title=title,
        fitness=fitness,
        budget=None,
    )
    if about.get("sample", "all") != "all":
        run = partial(search, dataset=dataset, method=method, runs=runs, seed=seed, by=by)
        chances = {
            str(size): chance_of_pool(pool, partial(run, sample_size=size), seed)
            for size in sample_sizes
        }
        metadata |= build_metadata(pool_deviation=chances)
    metadata.setdefault("table", digest_of(table))
    write_parquet(results, output, metadata)
    write_trajectory(drawn, pool["index"].to_numpy(), [0], trajectories, metadata)


def read_pool(
    table: str | Path, keys: Iterable[str | None], seconds: str | Path | None
) -> tuple[pd.DataFrame, str]:
    """Read the architectures that a search draws from, and the rule of an aggregate or "".

    Args:
        table: a joined table, or a benchmark table, which has no scores.
        keys: further columns, such as accuracies; those that the table lacks are left out.
        seconds: the file with the seconds of its scores.

    Returns:
        One row per architecture: `index`, `arch`, `keys`; `score`, higher is better; `seconds`;
        and for an aggregate its members, see `naswot.tables.members`.
    """
    columns = column_names(table)
    pool = read_parquet(
        table, [name for name in ("index", "arch", "score", *keys) if name in columns]
    )
    members, by = read_members(table)
    if members is not None:
        pool = pool.join(members, on="index")
    if seconds is not None:
        pool["seconds"] = pool["index"].map(read_seconds(seconds)["seconds"])
    if points_down(read_metadata(table)):
        pool["score"] *= -1
    return pool, by


def search(
    table: pd.DataFrame,
    dataset: Dataset,
    method: str,
    sample_size: int,
    runs: int,
    seed: int,
    by: str = "",
) -> pd.DataFrame:
    """Run one search method `runs` times with `sample_size` draws each.

    Args:
        table: the pool: `index`, `arch`, accuracies and, if there are any, `score` and `seconds`;
            for an aggregate also its members, see `naswot.tables.members`.
        dataset: the dataset whose accuracies are reported.
        method: a key of `naswot.search.sampling.SAMPLINGS`.
        sample_size: N.
        runs: number of runs.
        seed: run r uses the generator seeded with `seed` + r.
        by: the rule of an aggregate; it ranks the networks of each run among themselves.

    Returns:
        One row per run: `method, sample_size, run, seed, index, arch, score, search_seconds,
        valid, test, test_index`. Accuracies are in percent, NaN where the table has none.
        Optimal chooses the best architecture on each split separately, as in the paper, so its
        test accuracy belongs to `test_index`; for other methods `test_index` is `index`. For
        NASWOT, `search_seconds` is the sum of the measured scoring seconds of all draws; for other
        methods it is NaN.
    """
    keys = {"valid": dataset.valid, "test": dataset.test}
    accuracy = {split: _numbers(table, key) for split, key in keys.items()}
    seeds = seed + np.arange(runs)
    draws = draw(len(table), sample_size, seeds)
    scores, seconds = (_numbers(table, name) for name in ("score", "seconds"))
    rows = np.arange(runs)
    choose = SAMPLINGS[method].choose
    compared = scores[draws]
    if SAMPLINGS[method].scored:
        compared = compare_within(draws, scores, *members_and_rule(table, by))
    valid, test = (draws[rows, choose(compared, accuracy[split][draws])] for split in keys)
    if np.isnan(accuracy["valid"]).all():
        valid = test  # without validation accuracies, report the choice by test accuracy
    return pd.DataFrame(
        {
            "method": method,
            "sample_size": sample_size,
            "run": rows,
            "seed": seeds,
            "index": table["index"].to_numpy()[valid],
            "arch": table["arch"].to_numpy()[valid],
            "score": scores[valid],
            "search_seconds": seconds[draws].sum(axis=1) if SAMPLINGS[method].scored else np.nan,
            "valid": accuracy["valid"][valid],
            "test": accuracy["test"][test],
            "test_index": table["index"].to_numpy()[test],
        }
    )


def chance_of_pool(
    pool: pd.DataFrame, run: Callable[[pd.DataFrame], pd.DataFrame], seed: int
) -> dict[str, float | None]:
    """Return how far the mean over runs varies with the networks that a random pool has.

    The same searches run on `RESAMPLED_POOLS` pools, each drawn with replacement from `pool`. It is
    too much where the pool is most of its space.

    Args:
        pool: the architectures, as for `search`.
        run: the pool → the rows of `search`.
        seed: seed of the pools.

    Returns:
        `valid` and `test` → standard deviation of the mean, in percentage points; None if unknown.
    """
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(RESAMPLED_POOLS):
        drawn = pool.iloc[generator.integers(len(pool), size=len(pool))].reset_index(drop=True)
        means.append(run(drawn)[["valid", "test"]].mean())
    spread = pd.DataFrame(means).std()
    return {split: None if np.isnan(value) else float(value) for split, value in spread.items()}


def trajectory(
    table: pd.DataFrame,
    dataset: Dataset,
    method: str,
    sample_size: int,
    runs: int,
    seed: int,
    by: str = "",
) -> Trajectory:
    """Return the draws of `search`, one row per draw, with the values that the method uses.

    NASWOT uses the score and its scoring seconds, Optimal uses the accuracy, and Random, which
    chooses its first draw, uses nothing. An aggregate is that among all draws of a run.
    """
    draws = draw(len(table), sample_size, seed + np.arange(runs))
    fitness, seconds = (np.full(draws.shape, np.nan) for _ in range(2))
    if SAMPLINGS[method].scored:
        scores = _numbers(table, "score")
        fitness = compare_within(draws, scores, *members_and_rule(table, by))
        seconds = _numbers(table, "seconds")[draws].cumsum(axis=1)
    elif method == "optimal":
        fitness = _numbers(table, _optimal_key(table, dataset))[draws]
    rows, steps = np.indices(draws.shape)
    return Trajectory(
        run=rows.ravel(),
        step=steps.ravel(),
        seconds=seconds.ravel(),
        pick=draws.ravel(),
        rung=np.zeros(draws.size, dtype=np.int64),
        fitness=fitness.ravel(),
    )


def members_and_rule(table: pd.DataFrame, by: str) -> tuple[np.ndarray | None, Callable | None]:
    """Return the members (n, k) of an aggregate and its rule; None for a single score.

    `table` and `by` are those of `read_pool`.
    """
    return (table.filter(regex="^score:").to_numpy(float), RULES[by]) if by else (None, None)


def _optimal_key(table: pd.DataFrame, dataset: Dataset) -> str | None:
    """Return the key of the accuracy that Optimal maximises: validation, or test if that is NaN."""
    unknown = np.isnan(_numbers(table, dataset.valid)).all()
    return dataset.test if unknown else dataset.valid


def _numbers(table: pd.DataFrame, name: str | None) -> np.ndarray:
    """Return a column as float64; all NaN if the table does not have it."""
    return table[name].to_numpy(float) if name in table else np.full(len(table), np.nan)
