"""Which architectures of a benchmark are one mutation apart: what searches move along."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa

from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, read_table, write_parquet
from naswot.runtime.provenance import described
from naswot.spaces import Space
from naswot.spaces.neighbourhood import NEAREST, neighbourhood, padded

log = logging.getLogger("naswot")


def connect_architectures(
    benchmark: str | Path, output: str | Path, *, space: Space, known: str | None = None
) -> None:
    """Write the neighbours of every architecture in a benchmark table; a row an architecture.

    Columns are `index`, the official one; `neighbours`, the official indices of its neighbours,
    in the order of rows; and `genes`, its choices, unless an architecture is no list of choices.

    Args:
        benchmark: the benchmark table.
        output: the Parquet file to write.
        space: the search space.
        known: a column of the table; only architectures with a value there count, as rows and as
            neighbours. By default, all do.

    Raises:
        NaswotError: a file is damaged, a column is missing or empty; or as `neighbourhood`.
    """
    names = ("index", "arch", known)
    table = read_parquet(benchmark, [name for name in names if name is not None])
    if known is not None:
        table = table[table[known].notna()]
    if table.empty:
        raise NaswotError(f"{benchmark} has no architecture{f' with {known}' if known else ''}.")
    index = table["index"].to_numpy(np.int32)
    found = neighbourhood(space, table["arch"].tolist())
    present = found.neighbours >= 0
    counts = present.sum(axis=1)
    columns = {
        "index": pa.array(index),
        "neighbours": _lists(counts, index[found.neighbours[present]]),
    }
    if found.genes is not None:
        columns["genes"] = _lists(np.full(*found.genes.shape), found.genes.ravel())
    apart = f"the {NEAREST} nearest" if found.nearest else "one mutation apart"
    source = read_metadata(benchmark).get("source")
    settings = described(space=space.name, neighbours=apart, known=known, accuracies=source)
    write_parquet(pa.table(columns), output, settings)
    log.info(
        "%s architectures; neighbours are %s: %d to %d, in the middle %g",
        f"{len(index):,}",
        apart,
        counts.min(),
        counts.max(),
        np.median(counts),
    )


def read_neighbours(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read what `connect_architectures` wrote.

    Returns:
        `index` (n,), official; neighbours (n, K) as positions in it, filled up with −1; and
        genes (n, G), or None.

    Raises:
        NaswotError: the file is missing or damaged.
    """
    table = read_table(path)
    missing = {"index", "neighbours"}.difference(table.column_names)
    if missing:
        raise NaswotError(f"{path} has no column {min(missing)!r}.")
    index = table["index"].to_numpy()
    counts, neighbours = _flat(table["neighbours"])
    position = np.full(index.max(initial=0) + 1, -1, np.int32)
    position[index] = np.arange(len(index), dtype=np.int32)
    if neighbours.max(initial=0) >= len(position) or (position[neighbours] < 0).any():
        raise NaswotError(f"{path} has neighbours that are no rows of it: delete it and run again.")
    genes = None
    if "genes" in table.column_names:
        genes = _flat(table["genes"])[1].reshape(len(index), -1)
    return index, padded(counts, position[neighbours]), genes


def _lists(counts: np.ndarray, values: np.ndarray) -> pa.ListArray:
    """Return lists with `counts` of `values` each."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(values, pa.int32()))


def _flat(lists: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths of lists, and all their values."""
    whole = lists.combine_chunks()
    return whole.value_lengths().to_numpy(), whole.flatten().to_numpy()
