"""Read the accuracies of a custom search space, from the user's file or the workflow's trainings.

A CSV file has one row per architecture: ``arch`` and accuracies in percent in columns
``data/split/epochs``, such as ``flowers/test/90``; other columns are kept. A Parquet file is
accepted too, such as a benchmark table that the workflow trained.
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
    """Return a file's table after checking that it has architectures and numeric accuracies.

    Raises:
        NaswotError: the file cannot be read or does not have that form.
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
    """Return the data set whose reported accuracies are the table's first validation and test ones.

    Args:
        table: a table that `read_table` returned.
        path: its file, for messages.

    Raises:
        NaswotError: there is no accuracy column, or each holds a single value, so that no score
            can be correlated with it.
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
    """Return a benchmark source that reads the user's file at `path`."""
    return Source(str(path), _read, title, "the user's")


def _read(path: Path) -> pd.DataFrame:
    table = read_table(path)
    return table.assign(index=range(len(table)))
