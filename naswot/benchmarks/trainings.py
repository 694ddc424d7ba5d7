"""Turn training records of NAS-Bench-201 and NATS-Bench into columns of the benchmark table.

Both benchmarks keep one record for each (dataset, seed) that an architecture was trained with,
a dictionary with, among others (AutoDL-Projects, `ResultsCount`):

- ``epochs``: number of epochs; ``eval_names``: the splits, e.g. ``["x-valid", "ori-test"]``;
- ``eval_acc1es``: ``split@epoch`` → top-1 accuracy in percent, epochs from 0; for some splits
  only the last epoch;
- ``eval_times``: ``split@epoch`` → seconds of one pass over the split;
- ``train_times``: epoch → seconds of training;
- ``params`` and ``flop``: of the network with as many outputs as classes, in millions.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown

# Allowed values, for trainings of all lengths: a damaged file could hold anything.
SPLITS = ("train", "valid", "x-valid", "x-test", "ori-test")
MOST_EPOCHS = 200
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
TEN_CLASSES = DATASETS[:2]


class Trainings:
    """Collects training records, one architecture after the other, as the columns of `table`."""

    def __init__(self, size: int):
        """Start with `size` architectures that have no records yet."""
        self._numbers: dict[str, np.ndarray] = defaultdict(lambda: np.full(size, np.nan))
        self._lists: dict[str, np.ndarray] = defaultdict(lambda: np.full(size, None))
        self._seen = np.zeros(size, bool)

    @property
    def count(self) -> int:
        """Number of architectures that have records."""
        return int(self._seen.sum())

    def add(self, index: int, records: Mapping[tuple[str, int], Mapping], origin: str) -> None:
        """Add the records of one training length of architecture `index`.

        Add the longest training last: its seconds and counts replace those of shorter ones.

        Args:
            index: position of the architecture.
            records: (dataset, seed) → record.
            origin: the file or key, for messages.

        Raises:
            NaswotError: a record does not have the form above, or lacks its last epoch.
        """
        try:
            by_dataset = defaultdict(list)
            for (dataset, _), record in sorted(records.items(), key=lambda item: item[0]):
                by_dataset[dataset].append(record)
            for dataset, seeds in by_dataset.items():
                self._add_dataset(index, dataset, seeds)
        except MALFORMED_RECORD_ERRORS as error:
            raise NaswotError(
                f"{origin}: the training records of architecture {index} are not those of the "
                f"benchmark ({type(error).__name__}: {str(error)[:200]}). Put the benchmark's own "
                "file in its place."
            ) from error
        self._seen[index] = True

    def _add_dataset(self, index: int, dataset: str, seeds: list[Mapping]) -> None:
        if dataset not in DATASETS:
            raise ValueError(f"there is no dataset {shown(dataset)}")
        (epochs,) = {int(seed["epochs"]) for seed in seeds}
        if not 1 <= epochs <= MOST_EPOCHS:
            raise ValueError(f"there are no trainings of {shown(epochs)} epochs")
        last = epochs - 1
        (splits,) = {tuple(sorted(seed["eval_names"])) for seed in seeds}
        if not set(splits) <= set(SPLITS):
            raise ValueError(f"its splits are {shown(splits)}")
        for split in splits:
            key = f"{dataset}/{split}/{epochs}"
            accuracies = [seed["eval_acc1es"] for seed in seeds]
            final = np.array([by_epoch[f"{split}@{last}"] for by_epoch in accuracies], float)
            self._numbers[key][index] = final.mean()
            self._lists[f"{key}/per-seed"][index] = final
            names = [f"{split}@{epoch}" for epoch in range(epochs)]
            if epochs > 1 and all(names[0] in by_epoch for by_epoch in accuracies):
                curves = [[by_epoch[name] for name in names] for by_epoch in accuracies]
                self._lists[f"{key}/per-epoch"][index] = np.mean(curves, axis=0)
        seconds = [np.mean(list(seed["train_times"].values())) for seed in seeds]
        self._numbers[f"{dataset}/train-seconds-per-epoch"][index] = np.mean(seconds)
        if "x-valid" in splits:
            passes = [seed["eval_times"][f"x-valid@{last}"] for seed in seeds]
            self._numbers[f"{dataset}/eval-seconds"][index] = np.mean(passes)
        if dataset in TEN_CLASSES:
            self._numbers["params"][index] = _millions(seeds[0]["params"])
            self._numbers["flops"][index] = _millions(seeds[0]["flop"])

    def table(self, architectures: Sequence[str]) -> pd.DataFrame:
        """Return one row per architecture, in the order of `architectures`.

        Columns besides ``index`` and ``arch``; empty (NaN, None) where there is no record:

        - ``params``, ``flops``: of the ten-class network, as the benchmark counts them;
        - ``dataset/split/epochs``: accuracy in percent after the last epoch, mean over the seeds;
        - ``…/per-seed``: the accuracies behind the mean, by ascending seed;
        - ``…/per-epoch``: accuracy after each epoch, mean over the seeds (where recorded);
        - ``dataset/train-seconds-per-epoch``, and ``dataset/eval-seconds``: seconds of one pass
          over the validation images (``x-valid``).
        """
        columns: dict[str, object] = {
            "index": np.arange(len(architectures), dtype=np.int32),
            "arch": list(architectures),
        }
        for name in ("params", "flops"):
            columns[name] = pd.array(self._numbers.pop(name, []), dtype="Int64")
        if not self.count:
            columns = dict(list(columns.items())[:2])
        for name in sorted({*self._numbers, *self._lists}, key=_place):
            columns[name] = self._numbers[name] if name in self._numbers else self._lists[name]
        return pd.DataFrame(columns)


def _millions(number: float) -> int:
    """Return `number` millions as a whole number, after checking that it fits in 64 bits."""
    if not 0 <= number < 1e9:
        raise ValueError(f"it counts {shown(number)} millions")
    return round(number * 1e6)


def _place(name: str) -> tuple:
    """Sort key of columns: data set in the papers' order, split, length, kind; seconds last."""
    dataset, *rest = name.split("/")
    if len(rest) == 1:
        return (1, DATASETS.index(dataset), rest[0])
    split, epochs, *kind = rest
    return (0, DATASETS.index(dataset), split, int(epochs), *kind)
