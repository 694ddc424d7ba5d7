"""Write and read the neighbours of architectures: one row per architecture.

Columns: `index`, the official index; `neighbours`, the official indices of the neighbours, in the
order of rows; and `genes`, the architecture's encoding as a list of choices, if the space has one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from naswot.errors import NaswotError
from naswot.io.parquet import read_table, write_parquet
from naswot.spaces.neighbourhood import Neighbourhood, padded


def write_neighbours(
    index: np.ndarray, found: Neighbourhood, output: str | Path, metadata: Mapping[str, Any]
) -> None:
    """Write the neighbours of architectures with these official indices, (n,) int32."""
    present = found.neighbours >= 0
    columns = {
        "index": pa.array(index),
        "neighbours": _lists(present.sum(axis=1), index[found.neighbours[present]]),
    }
    if found.genes is not None:
        columns["genes"] = _lists(np.full(*found.genes.shape), found.genes.ravel())
    write_parquet(pa.table(columns), output, dict(metadata))


def read_neighbours(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read a file of `write_neighbours`.

    Returns:
        `index` (n,), official; neighbours (n, K) as positions in it, padded with −1; and genes
        (n, G), or None.

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
        raise NaswotError(f"{path} has neighbours without a row: delete it and run again.")
    genes = None
    if "genes" in table.column_names:
        genes = _flat(table["genes"])[1].reshape(len(index), -1)
    return index, padded(counts, position[neighbours]), genes


def _lists(counts: np.ndarray, values: np.ndarray) -> pa.ListArray:
    """Return `values` split into lists of the lengths `counts`."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(values, pa.int32()))


def _flat(lists: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths of lists, and all their values."""
    whole = lists.combine_chunks()
    return whole.value_lengths().to_numpy(), whole.flatten().to_numpy()
