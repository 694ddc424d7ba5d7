"""Read NAS-Bench-Macro: its own JSON file, or a compact table of it.

``nas-bench-macro_cifar10.json`` is a dictionary from architectures to

- ``test_acc``: three top-1 accuracies in percent, one per training;
- ``mean_acc`` and ``std``: their mean and (population) standard deviation;
- ``params``, and ``flops``: multiplications and additions of convolutions and of the classifier,
  a pair counted as one, for one image of 32×32 pixels.

Neither the file nor its page states the epochs. The training code of the repository trains for 50
unless told otherwise, and `train_benchmark.py` does not tell it otherwise; what it records is the
best test accuracy of all epochs (`train/train.py`).

Source: Su et al., CVPR 2021; github.com/xiusu/NAS-Bench-Macro.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError
from naswot.io.parquet import read_parquet
from naswot.spaces.nasbenchmacro.architecture import genes

SOURCE = "NAS-Bench-Macro (Su et al., CVPR 2021), best test accuracy of 50 epochs"
LICENCE = "Apache-2.0"
FILE = "nas-bench-macro_cifar10.json"  # as published
ACCURACY = "cifar10/test/50"
SEEDS = 3

LARGEST_BYTES = 2**26  # thirty times the published file


def read(path: str | Path) -> pd.DataFrame:
    """Return the benchmark table of the published JSON file, in order of architectures.

    Columns are ``index``, ``arch``, ``params``, ``flops`` as published, the mean accuracy
    ``cifar10/test/50``, its ``…/per-seed``, a list of three, and ``…/std``.

    Raises:
        NaswotError: the file is missing or damaged, or an entry does not have the form above.
    """
    path = Path(path)
    entries = _entries(path)
    rows = []
    for arch, entry in entries.items():
        try:
            rows.append(_row(arch, entry))
        except NaswotError as error:
            raise NaswotError(f"{path}: {error}") from error
        except MALFORMED_RECORD_ERRORS as error:
            raise NaswotError(
                f"{path}: the entry of {arch} is not one of NAS-Bench-Macro "
                f"({type(error).__name__}: {str(error)[:200]}). Put the benchmark's own file in "
                "its place."
            ) from error
    return pd.DataFrame(rows).sort_values("index", ignore_index=True)


def read_mirror(path: str | Path) -> pd.DataFrame:
    """Return the table of `read` from a Parquet file.

    The file has ``arch``, ``params``, ``flops`` and ``cifar10/test/seed0`` to ``seed2``, or the
    form of `naswot.benchmarks.table`.

    Raises:
        NaswotError: the file is damaged, or lacks a column.
    """
    table = read_parquet(path)
    if "index" in table:
        return table
    names = [f"cifar10/test/seed{seed}" for seed in range(SEEDS)]
    table = read_parquet(path, ["arch", "params", "flops", *names])
    try:
        seeds = table[names].to_numpy(float, na_value=math.nan)
        index = [_index(arch) for arch in table["arch"]]
    except MALFORMED_RECORD_ERRORS as error:
        raise NaswotError(f"{path} is not a table of NAS-Bench-Macro: {error}.") from error
    except NaswotError as error:
        raise NaswotError(f"{path}: {error}") from error
    return pd.DataFrame(
        {
            "index": np.array(index, np.int32),
            **{name: table[name] for name in ("arch", "params", "flops")},
            ACCURACY: seeds.mean(axis=1),
            f"{ACCURACY}/per-seed": list(seeds),
            f"{ACCURACY}/std": seeds.std(axis=1),
        }
    ).sort_values("index", ignore_index=True)


def _entries(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"it has more than {LARGEST_BYTES:,} bytes")
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except (OSError, RecursionError, ValueError) as error:
        raise NaswotError(
            f"{path} is not JSON ({error}). Put an intact copy in its place."
        ) from error
    if not isinstance(content, dict) or not content:
        raise NaswotError(f"{path} is not a dictionary of architectures.")
    return content


def _row(arch: str, entry: dict[str, Any]) -> dict[str, Any]:
    seeds = np.array(entry["test_acc"], float)
    if seeds.shape != (SEEDS,) or not math.isclose(seeds.mean(), entry["mean_acc"], rel_tol=1e-6):
        raise ValueError(f"'mean_acc' is not the mean of {SEEDS} accuracies in 'test_acc'")
    counts = {name: entry[name] for name in ("params", "flops")}
    if any(type(count) is not int or not 0 <= count < 2**63 for count in counts.values()):
        raise ValueError("'params' or 'flops' is not a whole number")
    return {
        "index": _index(arch),
        "arch": arch,
        **counts,
        ACCURACY: seeds.mean(),
        f"{ACCURACY}/per-seed": seeds,
        f"{ACCURACY}/std": seeds.std(),
    }


def _index(arch: str) -> int:
    genes(arch)
    return int(arch, 3)
