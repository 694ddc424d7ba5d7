"""Read the fitness that a search under a budget uses, and its cost, from a benchmark table.

The fitness is the validation accuracy after a short training. Where the table does not have that
training, another length of training replaces it, the budget is scaled so that it buys as many
trainings, and `Fitness.note` says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from naswot.benchmarks.datasets import Dataset
from naswot.benchmarks.table import ACCURACY_KEY
from naswot.errors import NaswotError
from naswot.io.parquet import column_names, read_parquet


class UnsearchableError(NaswotError):
    """A benchmark table lacks what a search needs; the user has made no mistake."""


@dataclass(frozen=True)
class Fitness:
    """The fitness of the architectures that have one, and its cost.

    Attributes:
        index: (n,) official indices of these architectures, ascending.
        values: (rungs, n) accuracy in percent after each length of training, the longest last.
        cost: (rungs, n) cost in `unit`: seconds of training and measuring; where the table has no
            times, 1 for the longest training and proportionally less for shorter ones.
        epochs: (rungs,) the lengths of training in epochs.
        key: key of the accuracy after the longest training, ``dataset/split/epochs``.
        budget: budget of a run in `unit`.
        unit: unit of `cost` and `budget`: "s" or "trainings".
        note: how this differs from what was asked for, in words; may be empty.
    """

    index: np.ndarray
    values: np.ndarray
    cost: np.ndarray
    epochs: tuple[int, ...]
    key: str
    budget: float
    unit: str
    note: str


def read_fitness(
    benchmark: str | Path,
    dataset: Dataset,
    *,
    epochs: int,
    budget_s: float,
    evaluations: int,
    key: str | None = None,
    eta: int | None = None,
) -> Fitness:
    """Read the fitness and the cost of architectures from a benchmark table.

    Args:
        benchmark: the benchmark table.
        dataset: the data set that the search trains on; its validation accuracy is the fitness.
        epochs: the wanted length of training.
        budget_s: budget of a run in seconds, for trainings of `epochs` epochs.
        evaluations: budget of a run in trainings, if the table has no training times.
        key: key of another accuracy to search by, such as ``cifar10/test/100``.
        eta: read shorter trainings too, each with 1/`eta` of the epochs of the next longer one;
            None: only the longest.

    Raises:
        UnsearchableError: the table has no validation accuracy of the dataset.
        NaswotError: it lacks the accuracy `key`.
    """
    names = column_names(benchmark)
    prefix, lengths = _trainings(
        benchmark, names, key or dataset.valid or "", named=key is not None
    )
    asked = epochs if key is None else int(key.rpartition("/")[2])
    chosen = next((length for length in lengths if length >= asked), lengths[-1])
    rungs, values = _rungs(benchmark, names, prefix, chosen, eta)
    cost, notes_of_cost = _cost(benchmark, names, prefix.partition("/")[0], rungs)
    total, unit = budget_s * chosen / epochs, "s"
    if cost is None:
        total, unit = float(evaluations), "trainings"
        cost = np.broadcast_to(np.array([[length / chosen] for length in rungs]), values.shape)
    only_full = eta is not None and len(rungs) == 1
    notes = _deviations(chosen, epochs, unit, key is not None, only_full)
    notes += notes_of_cost
    known = (np.isfinite(values) & np.isfinite(cost) & (cost > 0)).all(axis=0)
    if not known.any():
        raise UnsearchableError(f"the benchmark table knows {prefix}/{chosen} of no architecture")
    if not known.all():
        notes.append(f"among the {known.sum():,} architectures whose fitness the table knows")
    index = read_parquet(benchmark, ["index"])["index"].to_numpy()
    return Fitness(
        index=index[known],
        values=values[:, known],
        cost=cost[:, known],
        epochs=rungs,
        key=f"{prefix}/{chosen}",
        budget=total,
        unit=unit,
        note="; ".join(notes),
    )


def _trainings(
    benchmark: str | Path, names: Sequence[str], key: str, named: bool
) -> tuple[str, list[int]]:
    """Return ``dataset/split`` of an accuracy key, and the epochs for which the table has it.

    Raises:
        NaswotError: the user named the key, and the table lacks it.
        UnsearchableError: the table has no such accuracy.
    """
    prefix = key.rpartition("/")[0]
    if named and key not in names:
        accuracies = ", ".join(name for name in names if ACCURACY_KEY.fullmatch(name))
        raise NaswotError(f"{benchmark} has no accuracy {key!r} to search by; it has {accuracies}.")
    split = (name.rpartition("/") for name in names)
    lengths = sorted(int(end) for start, _, end in split if start == prefix and end.isdigit())
    if not prefix or not lengths:
        raise UnsearchableError(
            "the benchmark table has no validation accuracies to search by; `search: {fitness: …}` "
            "can name others"
        )
    return prefix, lengths


def _deviations(chosen: int, epochs: int, unit: str, named: bool, only_full: bool) -> list[str]:
    """Say in words how the fitness differs from what was asked for."""
    notes = []
    if chosen != epochs and unit == "s":
        notes.append(
            f"fitness and cost after {chosen} epochs instead of {epochs}, under a budget that "
            "buys as many trainings"
        )
    elif chosen != epochs:
        notes.append(f"fitness after {chosen} epochs instead of {epochs}")
    if named:
        notes.append("searched by an accuracy of the user's choice")
    if only_full:
        notes.append("the table knows no shorter trainings: all are full, and the model guides")
    return notes


def _rungs(
    benchmark: str | Path, names: Sequence[str], prefix: str, longest: int, eta: int | None
) -> tuple[tuple[int, ...], np.ndarray]:
    """Return the lengths of training that the table has, and the accuracies after each.

    A shorter length comes from the learning curve of the longest training if the table has it,
    else from a separate training of that length.
    """
    table = pq.read_table(benchmark, columns=[n for n in names if n.startswith(f"{prefix}/")])
    curve = f"{prefix}/{longest}/per-epoch"
    found = {longest: table[f"{prefix}/{longest}"].to_numpy()}
    length = longest // eta if eta else 0
    while eta and length >= 1:
        if curve in names:
            found[length] = _after(table[curve], length)
        elif f"{prefix}/{length}" in names:
            found[length] = table[f"{prefix}/{length}"].to_numpy()
        length //= eta
    rungs = tuple(sorted(found))
    return rungs, np.stack([found[length].astype(float) for length in rungs])


def _after(curves: pa.ChunkedArray, length: int) -> np.ndarray:
    """Return the accuracy after `length` epochs of each curve; NaN where there is none."""
    return np.array(
        [
            np.nan if curve is None or len(curve) < length else curve[length - 1]
            for curve in curves.to_pylist()
        ],
        dtype=float,
    )


def _cost(
    benchmark: str | Path, names: Sequence[str], dataset: str, rungs: Sequence[int]
) -> tuple[np.ndarray | None, list[str]]:
    """Return (rungs, n) seconds, or None if the table has none, and notes about them."""

    def column(name: str) -> np.ndarray:
        return read_parquet(benchmark, [name])[name].to_numpy(float)

    an_epoch = f"{dataset}/train-seconds-per-epoch"
    if an_epoch in names:
        measuring, notes = f"{dataset}/eval-seconds", []
        if measuring not in names:
            notes.append("the table has no seconds of measuring an accuracy, which cost nothing")
        extra = column(measuring) if measuring in names else 0.0
        return np.stack([column(an_epoch) * length + extra for length in rungs]), notes
    totals = sorted(
        int(name.removeprefix("train-seconds/"))
        for name in names
        if name.startswith("train-seconds/") and name.removeprefix("train-seconds/").isdigit()
    )
    if not totals:
        return None, ["the table has no training times"]
    costs, notes = [], []
    for length in rungs:
        nearest = length if length in totals else totals[-1]
        costs.append(column(f"train-seconds/{nearest}") * length / nearest)
        if nearest != length:
            notes.append(f"{length} epochs cost their share of the seconds of {nearest}")
    return np.stack(costs), notes
