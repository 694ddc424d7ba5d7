"""Read TransNAS-Bench-101, from a compact mirror or as released.

``transnasbench101.parquet`` has a row for each of the 7,352 networks: ``index``, ``arch``,
``space`` (micro or macro) and ``task/metric``, each value the best over epochs of this metric
alone.

``transnas-bench_v10141024.pth`` is a PyTorch file with a dictionary: ``task_list``,
``metrics_dict`` (task → metrics) and ``data``, search space → architecture → task → a training.
This is ``{"total_epochs": …, "model_info": …, "metrics": {metric: [value after each epoch, …]}}``.
Structure: yawen-d/TransNASBench, ``README.md``, and its reader as automl/NASLib keeps it,
``naslib/search_spaces/transbench101/api.py``. The file holds no tensors, so it is read as plain
data, without PyTorch; all of it has to be in memory.

Both readers give the same columns. ``task/best-split/epochs`` is the best value over the epochs, as
the benchmark's own reader gives it by default: of the test images too, and not at the epoch that
the validation images choose. ``task/split/epochs``, of the official file alone, is the value after
the last epoch, with ``/per-epoch``. ``task/train-seconds-per-epoch`` includes the passes over
validation and test images.

Source: Duan et al., "TransNAS-Bench-101: Improving Transferability and Generalizability of
Cross-Task Neural Architecture Search", CVPR 2021.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.io.parquet import read_parquet
from naswot.io.pickles import NUMPY_SCALARS, ORDERED_DICT, PROTOCOL_2
from naswot.io.pytorch_file import load_plain
from naswot.spaces import Space
from naswot.spaces.transnas import MACRO, MICRO

MIRROR = "transnasbench101.parquet"
OFFICIAL = "transnas-bench_v10141024.pth"
SOURCE = "TransNAS-Bench-101 v10141024"
LICENCE = "MIT"
KINDS: Mapping[str, Space] = MappingProxyType({"micro": MICRO, "macro": MACRO})
SPLITS = ("valid", "test")
NOT_TASKS = ("index", "arch", "space")
ALLOWED = NUMPY_SCALARS | ORDERED_DICT | PROTOCOL_2

log = logging.getLogger("naswot")


class Task(NamedTuple):
    """A task: the metric that is reported, what its keys add to a split, and the epochs."""

    metric: str
    ending: str
    epochs: int

    def key(self, task: str, split: str, best: bool) -> str:
        """Return the key of a split's values, the best or the last."""
        return f"{task}/{'best-' if best else ''}{split}{self.ending}/{self.epochs}"


# Epochs: yawen-d/TransNASBench, configs/train_from_scratch/<task>/config.py.
TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "class_scene": Task("top1", "", 25),
        "class_object": Task("top1", "", 25),
        "room_layout": Task("neg_loss", "-neg-loss", 25),
        "jigsaw": Task("top1", "", 10),
        "segmentsemantic": Task("mIoU", "-miou", 30),
        "normal": Task("ssim", "-ssim", 30),
        "autoencoder": Task("ssim", "-ssim", 30),
    }
)


def read_mirror(path: str | Path, kind: str) -> pd.DataFrame:
    """Return the benchmark table of the "micro" or the "macro" space from a compact mirror.

    Metrics that the mirror lacks are empty columns. Other columns keep their names.

    Raises:
        NaswotError: the file cannot be read, lacks a column, or has one of an unknown task or
            without numbers.
    """
    table = read_parquet(path)
    for name in NOT_TASKS:
        if name not in table:
            raise NaswotError(f"{path} has no column {name!r}: it is not {MIRROR}.")
    for name in table.columns.difference(NOT_TASKS):
        task = str(name).split("/")[0]
        if task not in TASKS:
            raise NaswotError(
                f"{path} has a column {name!r}, but there is no task {task!r} of "
                f"TransNAS-Bench-101; there are {', '.join(TASKS)}. Remove the column."
            )
    strange = table["space"][~table["space"].isin(KINDS)]
    if len(strange):
        raise NaswotError(
            f"{path}: column 'space' has {shown(strange.iloc[0])} in row {strange.index[0]} "
            "instead of micro or macro."
        )
    table = table[table["space"] == kind].drop(columns=["index", "space"]).reset_index(drop=True)
    nothing = np.full(len(table), np.nan)
    columns: dict[str, Any] = {}
    for task, about in TASKS.items():
        for split in SPLITS:
            values = _taken(table, f"{task}/{split}_{about.metric}", path)
            key = about.key(task, split, best=True)
            columns[key] = nothing if values is None else values
        seconds = _taken(table, f"{task}/time_elapsed", path)
        if seconds is not None:
            columns[f"{task}/train-seconds-per-epoch"] = seconds / about.epochs
    return _with_index(table[["arch"]].assign(**columns), kind).join(table.drop(columns="arch"))


def _taken(table: pd.DataFrame, name: str, path: str | Path) -> pd.Series | None:
    """Remove a column from `table` and return it; None if there is none.

    Raises:
        NaswotError: it does not hold numbers.
    """
    if name not in table:
        return None
    if not pd.api.types.is_numeric_dtype(table[name]):
        raise NaswotError(f"{path}: column {name!r} does not hold numbers.")
    return table.pop(name)


def read(path: str | Path, kind: str) -> pd.DataFrame:
    """Return the benchmark table of the "micro" or the "macro" space from the official file.

    A training that is missing, or ends before its last epoch, is counted in the log; its values
    after the last epoch are empty.

    Raises:
        NaswotError: the file is missing or damaged, holds anything but plain data, does not have
            the form above, or has an unknown task.
    """
    content = load_plain(Path(path), ALLOWED)
    try:
        unknown = set(content["task_list"]) - set(TASKS)
        if unknown:
            raise ValueError(f"it has unknown tasks: {', '.join(map(str, sorted(unknown)))}")
        trained: dict[str, dict] = dict(content["data"][kind])
        if not all(isinstance(arch, str) for arch in trained):
            raise ValueError("it lists architectures that are no text")
        columns: dict[str, Any] = {"arch": list(trained)}
        short = 0
        for task, about in TASKS.items():
            results = [of_arch.get(task) for of_arch in trained.values()]
            found, count = _of_task(results, task, about)
            columns |= found
            short += count
    except MALFORMED_RECORD_ERRORS as error:
        raise NaswotError(
            f"{path} is not TransNAS-Bench-101 ({type(error).__name__}: {str(error)[:400]}). Put "
            f"{OFFICIAL} in its place."
        ) from error
    if short:
        log.warning("%s: %s trainings are missing or have too few epochs", path, f"{short:,}")
    return _with_index(pd.DataFrame(columns), kind)


def _of_task(results: Sequence[dict | None], task: str, about: Task) -> tuple[dict[str, list], int]:
    """Return the columns of a task, and how many trainings are missing or too short."""
    metrics = [result["metrics"] if result else {} for result in results]
    columns: dict[str, list] = {}
    short = 0
    for split in SPLITS:
        name = f"{split}_{about.metric}"
        curves = [[float(value) for value in found.get(name, ())] for found in metrics]
        whole = [len(curve) == about.epochs for curve in curves]
        short = max(short, whole.count(False))
        last = about.key(task, split, best=False)
        columns[about.key(task, split, best=True)] = [
            max(curve, default=np.nan) for curve in curves
        ]
        columns[last] = [
            curve[-1] if done else np.nan for curve, done in zip(curves, whole, strict=True)
        ]
        columns[f"{last}/per-epoch"] = curves
    times = [found.get("time_elapsed", ()) for found in metrics]
    columns[f"{task}/train-seconds-per-epoch"] = [
        float(max(each)) / len(each) if len(each) else np.nan for each in times
    ]
    return columns, short


def _with_index(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return `table` with the columns `index`, the place in the space's order, and `params`."""
    space = KINDS[kind]
    architectures: Any = space.architectures
    places = {arch: place for place, arch in enumerate(architectures())}
    # The check of the whole table names an architecture that is not in the space.
    known = table["arch"].map(places)
    counts = [space.benchmark_params(arch) if arch in places else 0 for arch in table["arch"]]
    index = known.fillna(-1).astype(np.int64)
    return pd.concat([index.rename("index"), table[["arch"]]], axis=1).assign(
        params=np.array(counts, np.int64), **table.drop(columns="arch")
    )
