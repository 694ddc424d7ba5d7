"""Simulate searches under a budget on a benchmark table: one row per run, one per evaluation."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from naswot.benchmarks.datasets import Dataset
from naswot.benchmarks.fitness import Fitness, UnsearchableError, read_fitness
from naswot.errors import NaswotError
from naswot.io.parquet import column_names, digest_of, read_metadata, read_parquet, write_parquet
from naswot.runtime.progress import Progress
from naswot.runtime.provenance import build_metadata, origin_of
from naswot.scores import points_down
from naswot.scores.aggregates import RULES
from naswot.search import ETA, METHODS, Method, Settings, Table, Trajectory, simulate
from naswot.search.combinations import are_complete
from naswot.spaces import Space
from naswot.spaces.encoding import encode
from naswot.spaces.neighbourhood import padded
from naswot.tables.members import read_members
from naswot.tables.neighbours import read_neighbours
from naswot.tables.seconds import read_seconds
from naswot.tables.trajectories import write_trajectory

CHUNK = 500  # runs simulated at a time; it bounds the memory and does not change results

log = logging.getLogger("naswot")


def search_under_budget(
    benchmark: str | Path,
    neighbours: str | Path,
    output: str | Path,
    trajectories: str | Path,
    *,
    space: Space,
    dataset: Dataset,
    searched: Dataset,
    method: str,
    settings: Mapping[str, Any],
    runs: int,
    seed: int,
    joined: str | Path | None = None,
    seconds: str | Path | None = None,
) -> None:
    """Simulate `runs` searches; write one row per run and one row per evaluation.

    If the table lacks data that the method needs, both files have no rows, and their metadata give
    the reason under ``not_run``.

    Args:
        benchmark: the benchmark table.
        neighbours: Parquet file of `naswot.stages.neighbours.find_neighbours`.
        output, trajectories: the files to write; for their columns see `outcomes` and
            `naswot.tables.trajectories`.
        space: the search space.
        dataset: the dataset whose accuracies are reported.
        searched: the dataset that the search trains on.
        method: a key of `naswot.search.METHODS`.
        settings: `search` of the configuration.
        runs: number of runs.
        seed: run r uses the generator seeded with `seed` + r.
        joined, seconds: joined table and seconds of its scores, for methods that use scores.

    Raises:
        NaswotError: an accuracy that `settings` names is missing, or the budget is too small for
            a single training.
    """
    about, scored = read_metadata(benchmark), {} if joined is None else read_metadata(joined)
    metadata = _about_method(method, scored) | {
        "accuracies": about.get("source"),
        **origin_of(about),
        "table": digest_of(benchmark),
    }
    metadata |= build_metadata(
        space=about["space"],
        dataset=dataset.name,
        searched=searched.name,
        method=method,
        runs=runs,
        seed=seed,
        **{key: value for key, value in settings.items() if key != "fitness"},
    )
    try:
        fitness = read_fitness(
            benchmark,
            searched,
            epochs=settings["epochs"],
            budget_s=settings["budget_s"],
            evaluations=settings["evaluations"],
            key=settings["fitness"].get(about["space"]),
            eta=ETA if METHODS[method].shorter else None,
        )
        table, notes = arrays(fitness, neighbours, joined, seconds, METHODS[method])
        if METHODS[method].features:
            table = replace(table, features=described(benchmark, fitness.index, space))
        trajectory = run(method, table, fitness.budget, settings, runs, seed)
        _check_affordable(trajectory, table, fitness, settings, about["space"])
    except UnsearchableError as error:
        log.warning(
            "%s on %s, %s: not run, %s", metadata["title"], about["space"], dataset.name, error
        )
        metadata |= {"budget": None, "not_run": str(error)}
        nothing = np.empty(0, dtype=np.int64)
        write_trajectory(Trajectory(*[nothing] * 6), nothing, [0], trajectories, metadata)
        write_parquet(pd.DataFrame(columns=COLUMNS), output, metadata)
        return
    metadata |= {
        "fitness": fitness.key,
        "fitness_epochs": list(fitness.epochs),
        "budget": fitness.budget,
        "budget_unit": fitness.unit,
        "note": "; ".join(note for note in (fitness.note, *notes) if note),
    }
    found = outcomes(trajectory, benchmark, fitness.index, dataset, method, runs, seed)
    if fitness.unit != "s":
        found["search_seconds"] = np.nan
        trajectory = replace(trajectory, seconds=np.full(len(trajectory.run), np.nan))
    write_trajectory(trajectory, fitness.index, list(fitness.epochs), trajectories, metadata)
    write_parquet(found, output, metadata)


def _about_method(method: str, scored: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata on a method and on the scores that it uses, if any."""
    title, scores = METHODS[method].title, METHODS[method].scores
    if scored and scored["score"] != "naswot":
        title = f"{title} ({scored['score']})"
    return {key: scored[key] for key in ("score", "images", "precision") if key in scored} | {
        "title": title,
        "search_family": "non-weight-sharing" if scores == "none" else "training-free",
        "pool": "whole",
    }


def _check_affordable(
    trajectory: Trajectory,
    table: Table,
    fitness: Fitness,
    settings: Mapping[str, Any],
    space: str,
) -> None:
    """Check that at least one run made an evaluation.

    Raises:
        UnsearchableError: scoring used up the budget.
        NaswotError: the budget is less than the cost of the cheapest training.
    """
    if len(trajectory.run):
        return
    if table.cost.min() <= fitness.budget:
        raise UnsearchableError("the scores that it needs cost more than the budget")
    raise NaswotError(
        f"search.budget_s = {settings['budget_s']} is too small for any training on {space}: the "
        f"cheapest costs {table.cost.min():,.0f}, and the budget is {fitness.budget:,.0f}."
    )


def arrays(
    fitness: Fitness,
    neighbours: str | Path,
    joined: str | Path | None,
    seconds: str | Path | None,
    method: Method,
) -> tuple[Table, list[str]]:
    """Return the table on which a search runs, and notes for the results' metadata.

    `fitness` is that of the benchmark table; other arguments as in `search_under_budget`.

    Raises:
        UnsearchableError: the table lacks data that `method` needs.
    """
    listed, graph, genes = read_neighbours(neighbours)
    rows = np.flatnonzero(np.isin(listed, fitness.index))
    notes = []
    genes = None if genes is None else genes[rows]
    if method.genes and (genes is None or not are_complete(genes)):
        raise UnsearchableError(
            "it needs a space that contains all combinations of independent choices"
        )
    if len(rows) < len(listed):
        graph = known_neighbours(graph, rows)
    scores = members = rule = scoring = None
    if joined is not None:
        table = read_parquet(joined, ["index", "score"]).set_index("index")
        measured = read_seconds(seconds)  # type: ignore[arg-type]
        table = table.join(measured).reindex(fitness.index)
        sign = -1 if points_down(read_metadata(joined)) else 1
        scores = sign * table["score"].to_numpy(float)
        ranked, by = read_members(joined)
        if ranked is not None:
            members, rule = ranked.reindex(fitness.index).to_numpy(float), RULES[by]
        scoring = table["seconds"].fillna(0.0).to_numpy(float)
        if fitness.unit != "s":
            scoring = np.zeros(len(scoring))
            notes.append("scoring costs nothing")
        known, count = int(table["seconds"].notna().sum()), int(table["score"].notna().sum())
        if not count:
            raise UnsearchableError("no architecture whose fitness is known has a score")
        if known < len(scores) and method.scores == "all":
            raise UnsearchableError(
                f"it needs the score of every architecture, and {known:,} of {len(scores):,} are "
                "scored; `sample: all` scores them all"
            )
        if count < len(scores) and method.scores == "some":
            notes.append(f"first population from the {count:,} architectures with a score")
    found = Table(fitness.values, fitness.cost, graph, genes, scores, members, rule, scoring)
    return found, notes


def described(benchmark: str | Path, index: np.ndarray, space: Space) -> np.ndarray:
    """Return numbers that describe the architectures of these official indices: (n, F).

    Raises:
        UnsearchableError: the space has none.
    """
    if space.encode is None:
        raise UnsearchableError("it needs a space that describes its architectures by numbers")
    table = read_parquet(benchmark, ["index", "arch"]).set_index("index")
    return encode(space, table["arch"].loc[index].tolist()).to_numpy()


def known_neighbours(graph: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the neighbours of the known architectures among themselves.

    Unknown architectures are skipped: a mutation that leads to one is followed by another mutation.

    Args:
        graph: (n, K) neighbours of all architectures, padded with −1.
        known: (k,) positions of the known architectures, ascending.

    Returns:
        (k, K') positions in `known`, ascending, padded with −1.
    """
    size, present = len(graph), graph >= 0
    edges = np.ones(present.sum(), np.float32), graph[present], np.cumsum([0, *present.sum(axis=1)])
    matrix = sparse.csr_array(edges, shape=(size, size))
    unknown = np.setdiff1d(np.arange(size), known)
    from_known = matrix[known]
    reached = from_known[:, known] + from_known[:, unknown] @ matrix[unknown][:, known]
    reached = reached.tocsr()
    reached.setdiag(0)
    reached.eliminate_zeros()
    reached.sort_indices()
    return padded(np.diff(reached.indptr), reached.indices)


def run(
    method: str,
    table: Table,
    budget: float,
    settings: Mapping[str, Any],
    runs: int,
    seed: int,
) -> Trajectory:
    """Return the trajectory of `runs` runs, simulated `CHUNK` at a time.

    `budget` has the unit of `table.cost`; other arguments as in `search_under_budget`.
    """
    names = Settings.__dataclass_fields__
    chosen = Settings(**{key: value for key, value in settings.items() if key in names})
    progress = Progress(METHODS[method].title, runs, "runs")
    parts = []
    for first in range(0, runs, CHUNK):
        seeds = seed + np.arange(first, min(first + CHUNK, runs))
        part = simulate(method, table, budget, seeds, chosen)
        parts.append([first + part.run, *list(vars(part).values())[1:]])
        progress.advance(len(seeds))
    return Trajectory(*map(np.concatenate, zip(*parts, strict=True)))


COLUMNS = (
    "method",
    "sample_size",
    "run",
    "seed",
    "index",
    "arch",
    "search_seconds",
    "evaluations",
    "fitness",
    "valid",
    "test",
    "test_index",
)


def outcomes(
    trajectory: Trajectory,
    benchmark: str | Path,
    index: np.ndarray,
    dataset: Dataset,
    method: str,
    runs: int,
    seed: int,
) -> pd.DataFrame:
    """Return one row per run: the architecture of the best fitness, and its trained accuracies.

    Args:
        trajectory: the evaluations of `runs` runs.
        benchmark: the benchmark table.
        index: official index of each architecture in the table that was searched.
        dataset: the dataset whose accuracies are reported.
        method, seed: as in `search_under_budget`.

    Returns:
        Columns `COLUMNS`. `sample_size` is 0, because a budget limits the search. `search_seconds`
        is the time spent until the end of a run's last training. A run that could not afford any
        training has index −1 and no accuracies.
    """
    present = column_names(benchmark)
    keys = [key for key in ("arch", dataset.valid, dataset.test) if key in present]
    table = read_parquet(benchmark, ["index", *keys]).set_index("index")
    evaluation = trajectory.chosen(runs)
    some = evaluation >= 0
    best = np.where(some, index[trajectory.pick[evaluation]], -1)
    table = table.reindex(best)
    counts = np.bincount(trajectory.run, minlength=runs)
    spent = np.where(some, trajectory.seconds[np.maximum(np.cumsum(counts) - 1, 0)], 0.0)

    def accuracy(key: str | None) -> np.ndarray:
        return table[key].to_numpy(float) if key in table else np.full(runs, np.nan)

    return pd.DataFrame(
        {
            "method": method,
            "sample_size": 0,
            "run": np.arange(runs),
            "seed": seed + np.arange(runs),
            "index": best,
            "arch": table["arch"].to_numpy(),
            "search_seconds": spent,
            "evaluations": counts,
            "fitness": np.where(some, trajectory.fitness[evaluation], np.nan),
            "valid": accuracy(dataset.valid),
            "test": accuracy(dataset.test),
            "test_index": best,
        },
        columns=list(COLUMNS),
    )
