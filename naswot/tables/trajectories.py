"""Trajectories of searches as files: what every run evaluated, and when."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.io.parquet import read_parquet, write_parquet
from naswot.search.trajectory import Trajectory


def write_trajectory(
    trajectory: Trajectory,
    index: np.ndarray,
    epochs: Sequence[int],
    output: str | Path,
    metadata: Mapping[str, Any],
) -> None:
    """Write one row per evaluation: `run, step, seconds, index, fitness, epochs`.

    Args:
        trajectory: what was evaluated.
        index: the official index of each architecture of the table that was searched.
        epochs: the length of training of each rung; 0 for none.
        output: Parquet file.
        metadata: what it carries.
    """
    frame = pd.DataFrame(
        {
            "run": trajectory.run.astype(np.int32),
            "step": trajectory.step.astype(np.int32),
            "seconds": trajectory.seconds,
            "index": index[trajectory.pick].astype(np.int32),
            "fitness": trajectory.fitness,
            "epochs": np.asarray(epochs, dtype=np.int32)[trajectory.rung],
        }
    )
    write_parquet(frame, output, dict(metadata))


def read_trajectory(path: str | Path) -> Trajectory:
    """Return a file's evaluations; `pick` is the official index, `rung` the number of epochs."""
    names = ["run", "step", "seconds", "index", "epochs", "fitness"]
    table = read_parquet(path, names)
    return Trajectory(*(table[name].to_numpy() for name in names))
