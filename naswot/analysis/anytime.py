"""Compute anytime curves of searches: the accuracy of the incumbents of all runs over time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.table import reported_accuracy
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata
from naswot.search.trajectory import Trajectory
from naswot.tables.trajectories import read_trajectory

TIMES = 80  # points of a curve, evenly spaced in the logarithm of time

STATISTICS = ["seconds", "runs", "median", "q25", "q75", "mean"]
COLUMNS = ["space", "dataset", "pool", "method", "title", "fitness", "accuracy", *STATISTICS]


def trace_searches(
    trajectories: Sequence[str | Path], benchmarks: Sequence[str | Path], output: str | Path
) -> None:
    """Write the curve of every search that spends time: a CSV file with the columns `COLUMNS`.

    Args:
        trajectories: Parquet files, one row per evaluation (docs/reference/tables.md). Searches
            that were not run or spend no time have no curve.
        benchmarks: benchmark tables of the spaces.
        output: the file to write.
    """
    tables = {read_metadata(path)["space"]: path for path in benchmarks}
    known: dict[tuple[str, str], pd.Series | None] = {}
    curves = []
    for path in trajectories:
        about = read_metadata(path)
        place = about["space"], about["dataset"]
        if place not in known:
            dataset = DATASETS[place[0]][place[1]]
            known[place] = reported_accuracy(tables[place[0]], dataset, "test")
        accuracy = known[place]
        if accuracy is None:
            continue
        curve = anytime(read_trajectory(path), accuracy)
        described = {name: about.get(name) for name in COLUMNS[: -len(STATISTICS)]}
        curves.append(curve.assign(**described | {"accuracy": accuracy.name}))
    curves = [curve for curve in curves if len(curve)]
    table = pd.concat(curves) if curves else pd.DataFrame(columns=COLUMNS)
    with replacing(output) as temporary:
        table[COLUMNS].to_csv(temporary, index=False, float_format="%.6g")


def anytime(trajectory: Trajectory, accuracy: pd.Series) -> pd.DataFrame:
    """Return the accuracy of the incumbents of all runs at each of `times_of(trajectory)`.

    A run that has ended keeps its incumbent; a run without any evaluation is left out.

    Args:
        trajectory: the runs; `pick` holds labels of `accuracy`.
        accuracy: accuracy in percent, by index; NaN where unknown.

    Returns:
        The columns `STATISTICS`. `runs` is the number of runs whose incumbent has a known
        accuracy at that time; median, quartiles and mean are of these runs, NaN without any.
    """
    times = times_of(trajectory)
    runs, run = np.unique(trajectory.run, return_inverse=True)
    last = np.full((len(runs), len(times)), -1)
    if len(times):
        # An evaluation counts from the first time at or after it; of several, the last one counts.
        column = np.searchsorted(times, trajectory.seconds)
        last[run, column] = np.arange(len(run))
    last = np.maximum.accumulate(last, axis=1)
    incumbents = trajectory.pick[trajectory.incumbents()[last]] if last.size else last
    found = accuracy.reindex(incumbents.ravel()).to_numpy().reshape(incumbents.shape)
    values = pd.DataFrame(found)
    quartiles = values.quantile([0.25, 0.5, 0.75]).to_numpy()
    columns = times, values.count(), quartiles[1], quartiles[0], quartiles[2], values.mean()
    return pd.DataFrame(dict(zip(STATISTICS, columns, strict=True)))


def times_of(trajectory: Trajectory) -> np.ndarray:
    """Return times in seconds, from when every run has an incumbent to the end of the last run.

    There are `TIMES` of them, evenly spaced in the logarithm (one if start and end are equal); none
    if no time is spent.
    """
    seconds = trajectory.seconds
    if not (seconds > 0).any():
        return np.empty(0)
    start = seconds[trajectory.step == 0].max()
    if start == 0:  # zero has no logarithm
        start = seconds[seconds > 0].min()
    return np.unique(np.geomspace(start, seconds.max(), TIMES))
