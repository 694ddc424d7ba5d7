"""Write and read the order of drawing: one row per architecture, with the columns `COLUMNS`."""

from pathlib import Path

import pandas as pd

from naswot.io.parquet import read_parquet, write_parquet
from naswot.runtime.provenance import build_metadata
from naswot.spaces import Space
from naswot.spaces.sampling import order_architectures

COLUMNS = ["index", "arch", "representative"]


def write_order(
    output: str | Path,
    *,
    space: Space,
    deduplicate: bool,
    seed: int,
    benchmark: str | Path | None = None,
) -> None:
    """Write the result of `order_architectures` to a Parquet file; arguments as there.

    `benchmark` is the benchmark table, for a space whose architectures are listed nowhere else.
    """
    if space.architectures is not None:
        architectures = space.architectures()
    else:
        architectures = read_parquet(benchmark, ["arch"])["arch"]  # type: ignore[arg-type]
    order = order_architectures(space, architectures, deduplicate, seed)
    settings = build_metadata(space=space.name, deduplicate=deduplicate, seed=seed)
    write_parquet(order, output, settings)


def read_order(path: str | Path) -> pd.DataFrame:
    """Read a file of `write_order`; rows are in the order of drawing.

    Raises:
        NaswotError: the file is missing, damaged or lacks a column.
    """
    return read_parquet(path, COLUMNS)
