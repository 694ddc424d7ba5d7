"""Ask a benchmark table for accuracies, in Python.

    >>> table = naswot.open_table("mirror/nasbench201.parquet")
    >>> table.query("|nor_conv_3x3~0|+|…", "cifar10-valid/x-valid", 200).mean

A key names data set, split and epochs in full, because each of them changes the number: networks of
``cifar10-valid`` were trained on half of the training images, those of ``cifar10`` on all of them.
"""

import operator
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.sources import SOURCES
from naswot.benchmarks.table import accuracy_keys, check
from naswot.errors import NaswotError, shown
from naswot.io.parquet import read_metadata, read_parquet

# A column of some tables with the canonical form of each architecture: computing those of
# NAS-Bench-101 would take 20 minutes.
CANONICAL = {"nasbench101": "module_hash"}


@dataclass(frozen=True)
class Accuracy:
    """Accuracies of one trained architecture, top-1 in percent (or another metric, in its unit).

    Attributes:
        index: official index of the architecture.
        arch: the architecture string.
        key: data set, split and epochs, such as ``cifar10-valid/x-valid/200``.
        mean: mean over the training seeds after the last epoch; NaN if the table has none.
        per_seed: accuracy of each seed, by ascending seed; None if the table does not have them.
        per_epoch: accuracy after each epoch, mean over the seeds; None if the table does not have
            them.
    """

    index: int
    arch: str
    key: str
    mean: float
    per_seed: tuple[float, ...] | None
    per_epoch: tuple[float, ...] | None


class BenchmarkTable:
    """A benchmark table (docs/reference/tables.md) that can be asked for accuracies.

    Attributes:
        frame: the table, one row per architecture in official order.
        space: the search space.
        keys: keys of its accuracies, ``dataset/split/epochs``.
    """

    def __init__(self, frame: pd.DataFrame, space: str, origin: str = "the table"):
        """Check `frame`, a benchmark table of the space named `space`.

        Raises:
            NaswotError: there is no such space, or the table does not have the form of
                `naswot.benchmarks.table`; the message names `origin`.
        """
        self.space = BUILT_IN[space].space
        self.frame = check(frame, self.space, origin)
        self.keys = tuple(accuracy_keys(self.frame))
        self._origin = origin

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return (
            f"<BenchmarkTable {self.space.name}: {len(self):,} architectures, "
            f"{', '.join(self.keys)}>"
        )

    def query(self, arch: str | int, dataset: str, epochs: int | str) -> Accuracy:
        """Return the accuracies of one architecture.

        Args:
            arch: the architecture as the table writes it, or its official index.
            dataset: data set and split, such as ``cifar10-valid/x-valid``.
            epochs: number of epochs of the training, or what stands for it in the key, such as
                "recipe-v1".

        Raises:
            NaswotError: the table does not have that; the message lists what there is.
        """
        key, row = self._key(dataset, epochs), self.index(arch)
        lists = (_tuple(self.frame, f"{key}/{kind}", row) for kind in ("per-seed", "per-epoch"))
        mean = float(self._column(key)[row])
        return Accuracy(row, str(self.frame["arch"].iloc[row]), key, mean, *lists)

    def accuracies(self, dataset: str, epochs: int | str) -> pd.Series:
        """Return the accuracies of all architectures, by index: means over the training seeds.

        They are float64 in percent, and NaN where there is none. Arguments and errors are those of
        `query`.
        """
        key = self._key(dataset, epochs)
        return pd.Series(self._column(key), self.frame["index"], name=key)

    def row(self, arch: str | int) -> dict[Hashable, Any]:
        """Return everything that the table has of an architecture, by column; see `query`."""
        return self.frame.iloc[self.index(arch)].to_dict()

    def index(self, arch: str | int) -> int:
        """Return the official index of an architecture, given as the table writes it.

        A number is returned as it is, after a check that the table has it.

        Raises:
            NaswotError: the architecture is malformed, not in the table, or in it several times.
        """
        if not isinstance(arch, str):
            return self._checked(arch)
        found = self._places.get(arch, ())
        if len(found) == 1:
            return found[0]
        if found:
            raise NaswotError(
                f"{self._origin} has {shown(arch)} {len(found)} times, and each was trained by "
                f"itself: ask by one of the indices {', '.join(map(str, found[:20]))}."
            )
        self.space.canonical(arch)  # raises if it is malformed
        raise NaswotError(
            f"{self._origin} has no architecture written as {shown(arch)}; isomorphs(…) finds "
            "architectures that compute the same, however they are written."
        )

    def isomorphs(self, arch: str | int) -> tuple[int, ...]:
        """Return the indices of all architectures of the table that are isomorphic to `arch`.

        They compute the same function, but each was trained by itself, so their accuracies differ.
        `arch` may be written in any way that its space understands.

        Raises:
            NaswotError: the architecture is malformed, or the number is no index of the table.
        """
        text = arch if isinstance(arch, str) else str(self.frame["arch"].iloc[self.index(arch)])
        wanted = self.space.canonical(text)
        return tuple(np.flatnonzero(self._canonical == wanted).tolist())

    @cached_property
    def _places(self) -> Mapping[str, Sequence[int]]:
        places: dict[str, list[int]] = {}
        for row, arch in enumerate(self.frame["arch"]):
            places.setdefault(arch, []).append(row)
        return places

    @cached_property
    def _canonical(self) -> np.ndarray:
        column = CANONICAL.get(self.space.name)
        if column in self.frame:
            return self.frame[column].to_numpy(object)
        return np.array([self.space.canonical(arch) for arch in self.frame["arch"]], object)

    def _checked(self, index: Any) -> int:
        try:
            number = operator.index(index)
        except TypeError:
            raise NaswotError(
                f"{shown(index)} is no architecture: name it by its text or its official index."
            ) from None
        if isinstance(index, (bool, np.bool_)) or not 0 <= number < len(self):
            raise NaswotError(
                f"{self._origin} has no architecture {shown(index)}; its indices are from 0 to "
                f"{len(self) - 1:,}."
            )
        return number

    def _key(self, dataset: str, epochs: int | str) -> str:
        key = f"{dataset}/{epochs}"
        if key not in self.keys or isinstance(epochs, bool):
            raise NaswotError(
                f"{self._origin} has no accuracies {shown(dataset)} of {shown(epochs)} epochs; it "
                f"has, as dataset/split/epochs: {', '.join(self.keys)}."
            )
        return key

    def _column(self, key: str) -> np.ndarray:
        return self.frame[key].to_numpy(float, na_value=np.nan)


def _tuple(frame: pd.DataFrame, column: str, row: int) -> tuple[float, ...] | None:
    values = frame[column].iloc[row] if column in frame else None
    return None if values is None or np.ndim(values) == 0 else tuple(map(float, values))


def open_table(path: str | Path, space: str | None = None) -> BenchmarkTable:
    """Open the benchmark table in a file, of any format of docs/reference/spaces.md.

    Args:
        path: a file or folder of a mirror, under its official name; or a Parquet file that the
            workflow wrote, or of the form of docs/reference/tables.md.
        space: the search space; None: that of the file's name or metadata.

    Raises:
        NaswotError: the file is missing or damaged, or nothing says of which space it is.
    """
    path = Path(path).resolve()
    if not path.exists():
        raise NaswotError(f"{path} does not exist.")
    found = [
        (name, source.read)
        for name, sources in SOURCES.items()
        for source in sources
        if not source.packaged and path.parts[-len(Path(source.file).parts) :]
        == Path(source.file).parts and space in (None, name)
    ]  # fmt: skip
    if len(found) > 1:
        names = ", ".join(name for name, _ in found)
        raise NaswotError(f"{path} has tables of several spaces: name one, space=…, of {names}.")
    if found:
        ((name, read),) = found
        return BenchmarkTable(read(path), name, str(path))
    if path.suffix != ".parquet":
        every = (source.file for sources in SOURCES.values() for source in sources)
        files = ", ".join(dict.fromkeys(name for name in every if not Path(name).is_absolute()))
        raise NaswotError(
            f"{path} is none of the files of benchmarks; these are read, under these names: "
            f"{files}, and tables as .parquet."
        )
    space = space or read_metadata(path).get("space")
    if space is None:
        raise NaswotError(f"{path} does not say of which space it is: name it, space=…")
    return BenchmarkTable(read_parquet(path), space, str(path))
