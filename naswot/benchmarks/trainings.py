"""Training records of NAS-Bench-201 and NATS-Bench → columns of the benchmark table.

Both benchmarks keep a record for each (dataset, seed) that an architecture was trained with,
a dictionary with, among others (AutoDL-Projects, `ResultsCount`):

- ``epochs``: how many; ``eval_names``: the splits, e.g. ``["x-valid", "ori-test"]``;
- ``eval_acc1es``: top-1 accuracy in percent under ``split@epoch``, epochs from 0; of some
  splits the last epoch only;
- ``eval_times``: seconds of a pass over the split, under the same keys;
- ``train_times``: seconds of an epoch, under its number;
- ``params`` and ``flop``: of the network with the dataset's classes, in millions.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown

# What the benchmarks have, of all lengths; anything may stand in a damaged file.
SPLITS = ("train", "valid", "x-valid", "x-test", "ori-test")
MOST_EPOCHS = 200
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
TEN_CLASSES = DATASETS[:2]


class Trainings:
    """Collects training records, one architecture after the other, as columns.

    The columns are described in :meth:`table`.
    """

    def __init__(self, size: int):
        """Start with `size` architectures of which nothing is known."""
        self._numbers: dict[str, np.ndarray] = defaultdict(lambda: np.full(size, np.nan))
        self._lists: dict[str, np.ndarray] = defaultdict(lambda: np.full(size, None))
        self._seen = np.zeros(size, bool)

    @property
    def count(self) -> int:
        """Number of architectures that have records."""
        return int(self._seen.sum())

    def add(self, index: int, records: Mapping[tuple[str, int], Mapping], origin: str) -> None:
        """Add the records of one training length of architecture `index`.

        Add a longer training after a shorter one: its seconds and counts are kept.

        Args:
            index: the architecture's position.
            records: (dataset, seed) → record.
            origin: the file or key that messages name.

        Raises:
            NaswotError: a record is not of the form above, or lacks its last epoch.
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
            final = np.array([every[f"{split}@{last}"] for every in accuracies], float)
            self._numbers[key][index] = final.mean()
            self._lists[f"{key}/per-seed"][index] = final
            names = [f"{split}@{epoch}" for epoch in range(epochs)]
            if epochs > 1 and all(names[0] in every for every in accuracies):
                curves = [[every[name] for name in names] for every in accuracies]
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
        """Return one row an architecture, in the order of `architectures`.

        Columns besides ``index`` and ``arch``; empty (NaN, None) where there is no record:

        - ``params``, ``flops``: of the ten-class network, as the benchmark counts them;
        - ``dataset/split/epochs``: last epoch's accuracy in percent, mean over the seeds;
        - ``…/per-seed``: the accuracies that the mean is of, by ascending seed;
        - ``…/per-epoch``: accuracy after each epoch, mean over the seeds (where recorded);
        - ``dataset/train-seconds-per-epoch``, and ``dataset/eval-seconds``, one pass over the
          validation images (``x-valid``).
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
    """Return `number` millions, once they are seen to fit a column of whole numbers."""
    if not 0 <= number < 1e9:
        raise ValueError(f"it counts {shown(number)} millions")
    return round(number * 1e6)


def _place(name: str) -> tuple:
    """Order columns by dataset as the papers do, then split, length and kind; seconds last."""
    dataset, *rest = name.split("/")
    if len(rest) == 1:
        return (1, DATASETS.index(dataset), rest[0])
    split, epochs, *kind = rest
    return (0, DATASETS.index(dataset), split, int(epochs), *kind)
