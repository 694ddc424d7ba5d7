"""Check the benchmark table: one Parquet file per search space, one row per architecture.

Columns of a table:

- ``index``: the benchmark's official index; the rows are in its order.
- ``arch``: the architecture string of the space.
- ``params``: trainable parameters of the benchmark's own 10-class network (may be absent).
- ``dataset/split/epochs``, e.g. ``cifar10-valid/x-valid/200``: top-1 accuracy in percent, the
  mean over the training seeds; or another metric, which the split names
  (`naswot.benchmarks.metrics`), e.g. ``normal/valid-ssim/30``. Where the number of epochs differs
  from network to network, the third part may name how they were trained, such as
  ``ImageNet/val/recipe-simple``.
- the same with ``/per-seed``: the list of accuracies behind the mean (may be absent).
- ``dataset/train-seconds-per-epoch``: seconds.

Other columns are kept. The metadata (key ``naswot``, JSON) has the source and the licence.
A directory of such files, each named ``<space>.parquet``, serves as `mirror` in the configuration.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import Dataset
from naswot.benchmarks.metrics import ACCURACY, metric_of
from naswot.errors import NaswotError, shown
from naswot.io.parquet import column_names, read_parquet
from naswot.spaces import Space

# Columns that scoring and joining add.
RESERVED = ("score", "seconds", "build_seconds", "relu_units", "relu_modules", "representative")
ACCURACY_KEY = re.compile(r"[\w-]+/[a-z-]+/(\d+|recipe-[a-z\d]+)")


def accuracy_keys(table: pd.DataFrame) -> list[str]:
    """Return the names of the accuracy columns of `table`."""
    return [name for name in table.columns if ACCURACY_KEY.fullmatch(name)]


def reported_accuracy(benchmark: str | Path, dataset: Dataset, first: str) -> pd.Series | None:
    """Return the reported accuracies by `index`, named by their key; None if the table has none.

    `first` is as in `Dataset.reported`.
    """
    names = filter(ACCURACY_KEY.fullmatch, column_names(benchmark))
    keys = dataset.keys_among(names)
    table = read_parquet(benchmark, ["index", *keys]).set_index("index").astype(float)
    counts = table.notna().sum()
    key = dataset.reported(counts[counts > 0].to_dict(), first)
    return None if key is None else table[key]


def check(table: pd.DataFrame, space: Space, origin: str) -> pd.DataFrame:
    """Check `table` and return it in the space's official order.

    Args:
        table: a benchmark table of `space`.
        space: the search space. The table must hold each of its architectures once; where the
            space cannot list them, a sample of the rows is checked, and all the indices.
        origin: the file or package, for messages.

    Raises:
        NaswotError: a column is missing, an architecture is malformed, missing or double, an
            index is not the official one, or an accuracy is not a percentage (or a value of
            another metric not in its range).
    """
    for column in ("index", "arch"):
        if column not in table:
            raise NaswotError(
                f"{origin} has no column {column!r}; docs/reference/tables.md has the format."
            )
    taken = [column for column in RESERVED if column in table]
    if taken:
        raise NaswotError(f"{origin}: rename the column {taken[0]!r}, which scoring will add.")
    if not pd.api.types.is_integer_dtype(table["index"]) or table["index"].hasnans:
        raise NaswotError(f"{origin}: column 'index' does not hold a whole number in each row.")
    if not pd.api.types.is_string_dtype(table["arch"]) or table["arch"].hasnans:
        raise NaswotError(f"{origin}: column 'arch' does not hold a text in each row.")
    keys = accuracy_keys(table)
    if not keys:
        raise NaswotError(
            f"{origin} has no accuracy column such as 'cifar10-valid/x-valid/200'; "
            f"it has {', '.join(map(str, table.columns))[:400]}."
        )
    check_numbers(table, origin)
    if space.architectures is None:
        _check_some(table, space, origin)
    else:
        _check_all(table, space, origin)
    for key in keys:
        _check_range(table[key], key, origin)
    return table.sort_values("index", ignore_index=True)


# How many architectures are checked where the space cannot list them.
LOOKED_AT = 2000


def _check_some(table: pd.DataFrame, space: Space, origin: str) -> None:
    indices = np.sort(table["index"].to_numpy())
    if not np.array_equal(indices, np.arange(len(table))):
        raise NaswotError(f"{origin}: column 'index' does not count from 0 to {len(table) - 1}.")
    for arch in table["arch"].iloc[:: -(-len(table) // LOOKED_AT) or 1]:
        try:
            space.canonical(str(arch))
        except NaswotError as error:
            raise NaswotError(f"{origin}: {error}") from None


def _check_all(table: pd.DataFrame, space: Space, origin: str) -> None:
    official = {arch: index for index, arch in enumerate(space.architectures())}  # type: ignore[misc]
    for arch in table["arch"]:
        if arch not in official:
            try:
                space.canonical(str(arch))
            except NaswotError as error:
                raise NaswotError(f"{origin}: {error}") from None
            raise NaswotError(f"{origin}: {arch!r} is not written in the form of {space.name}.")
    double = table["arch"][table["arch"].duplicated()]
    if len(double):
        raise NaswotError(f"{origin} has architecture {double.iloc[0]!r} more than once.")
    if len(table) != space.size:
        raise NaswotError(
            f"{origin} has {len(table):,} of the {space.size:,} architectures of {space.name}; "
            "the table must hold them all (leave accuracies empty where there are none)."
        )
    expected = table["arch"].map(official)
    wrong = table[table["index"].to_numpy() != expected.to_numpy()]
    if len(wrong):
        arch = wrong["arch"].iloc[0]
        raise NaswotError(
            f"{origin} gives {arch!r} index {wrong['index'].iloc[0]}; officially it is "
            f"{official[arch]}."
        )


def check_numbers(table: pd.DataFrame, origin: str) -> None:
    """Check that accuracies are numbers, and `params`, if present, whole numbers.

    Raises:
        NaswotError: one is not. The message counts rows from 1.
    """
    for name in (*accuracy_keys(table), "params"):
        if name not in table:
            continue
        column = table[name]
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_complex_dtype(column):
            numbers = pd.to_numeric(column.astype(str), errors="coerce")
            wrong = np.flatnonzero(numbers.isna() & column.notna())
            first = f": row {wrong[0] + 1} has {shown(column.iloc[wrong[0]])}" if len(wrong) else ""
            raise NaswotError(f"{origin}: column {name!r} does not hold numbers{first}.")
    if "params" in table:
        values = table["params"].to_numpy(dtype=float, na_value=np.nan)
        wrong = np.flatnonzero(np.isinf(values) | (np.floor(values) < values))
        if len(wrong):
            raise NaswotError(
                f"{origin}: column 'params' does not hold whole numbers: row {wrong[0] + 1} has "
                f"{values[wrong[0]]:g}."
            )


def _check_range(column: pd.Series, key: str, origin: str) -> None:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    metric = metric_of(key)
    outside = np.flatnonzero((values < metric.low) | (values > metric.high))
    if len(outside):
        must = (
            "accuracies are percentages from 0 to 100"
            if metric == ACCURACY
            else f"{metric.label()} is from {metric.low:g} to {metric.high:g}"
        )
        raise NaswotError(
            f"{origin}: column {key!r} has {values[outside[0]]:g} in row {outside[0]}; {must}."
        )
    fractions = np.nanmax(values, initial=0.0) <= 1.0 and np.isfinite(values).any()
    if metric.unit == "%" and fractions:
        what = "accuracies" if metric == ACCURACY else "its values"
        raise NaswotError(
            f"{origin}: column {key!r} never exceeds 1; {what} must be in percent, not fractions."
        )
