"""Accuracies of a custom search space: a file of the user, or what the workflow trains.

A CSV file has one row per architecture: ``arch`` and accuracies in percent under keys
``data/split/epochs``, such as ``flowers/test/90``; other columns are carried along. It may be a
Parquet file too, such as a benchmark table that was trained here.
"""

from pathlib import Path

import pandas as pd

from naswot.benchmarks.csv_files import read_csv
from naswot.benchmarks.datasets import CUSTOM, Dataset
from naswot.benchmarks.sources import Source
from naswot.benchmarks.table import accuracy_keys, check_numbers
from naswot.errors import NaswotError
from naswot.io.parquet import read_parquet


def _read_file(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return read_parquet(path)
    if path.suffix in (".gz", ".bz2", ".xz", ".zip", ".zst"):
        raise ValueError("it is compressed; unpack it first")
    table = read_csv(path)
    for name in table:
        if pd.api.types.is_object_dtype(table[name]):  # numbers of more than 64 bits
            table[name] = table[name].astype(str)
    return table


def read_table(path: Path) -> pd.DataFrame:
    """Return a file's table, once it is seen to list architectures, and accuracies in numbers.

    Raises:
        NaswotError: it cannot be read, or has not that form.
    """
    try:
        table = _read_file(path)
    except (OSError, OverflowError, ValueError) as error:
        problem = str(error)[:400]
        raise NaswotError(f"{path} is not a readable CSV file ({problem}).") from error
    if "arch" not in table or table["arch"].isna().any():
        raise NaswotError(f"{path} needs a column 'arch' with an architecture in each row.")
    if "index" in table and list(table["index"]) != list(range(len(table))):
        raise NaswotError(
            f"{path} has a column 'index' that does not count its rows from 0; rename it."
        )
    check_numbers(table, str(path))
    return table


def dataset_of(table: pd.DataFrame, path: Path) -> Dataset:
    """Return what is reported: the first accuracy on validation and on test images.

    Args:
        table: of `read_table`.
        path: its file, which the messages name.

    Raises:
        NaswotError: there is no accuracy, or none that a score can be correlated with.
    """
    keys = accuracy_keys(table)
    if not keys:
        raise NaswotError(
            f"{path} has no accuracy column of the form data/split/epochs, such as "
            f"'flowers/test/90'; it has {', '.join(table.columns)[:400]}."
        )
    if table[keys].nunique().max() < 2:
        raise NaswotError(
            f"{path} has no column with two different accuracies, so no score can be correlated "
            "with them."
        )
    valid = next((key for key in keys if "val" in key.split("/")[1]), None)
    test = next((key for key in keys if key != valid and "test" in key.split("/")[1]), None)
    return Dataset(CUSTOM, valid, test or next((key for key in keys if key != valid), keys[0]))


def source_of(path: Path, title: str) -> Source:
    """Return the source of a benchmark table: a file with accuracies, and what it is."""
    return Source(str(path), _read, title, "the user's")


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path)
    return table.assign(index=range(len(table)))
