"""Read the order of drawing: one row per architecture, with the columns `COLUMNS`."""

from pathlib import Path

import pandas as pd

from naswot.io.parquet import read_parquet

COLUMNS = ["index", "arch", "representative"]


def read_order(path: str | Path) -> pd.DataFrame:
    """Read a file of `naswot.stages.sample`; rows are in the order of drawing.

    Raises:
        NaswotError: the file is missing, damaged or lacks a column.
    """
    return read_parquet(path, COLUMNS)
