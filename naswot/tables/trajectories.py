"""Write and read the trajectories of searches: every evaluation of every run, with its time."""

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
        trajectory: the evaluations.
        index: the official index of each architecture in the table that was searched.
        epochs: epochs of training at each rung; 0 for no training.
        output: Parquet file.
        metadata: the file's metadata.
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
    """Read a file of `write_trajectory`; `pick` is the official index, `rung` the epochs."""
    names = ["run", "step", "seconds", "index", "epochs", "fitness"]
    table = read_parquet(path, names)
    return Trajectory(*(table[name].to_numpy() for name in names))
