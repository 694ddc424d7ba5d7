"""What scoring took: in a file beside the scores, so that a table of scores has no clock in it.

Two runs on one machine make the same table of scores to the last byte; seconds are measured, and
no two measurements agree. Columns: ``index`` of the architecture, ``seconds`` of its whole family
of scores and ``build_seconds``, the part that built the network; what isomorphs share is the
seconds of the one that was scored.
"""

from pathlib import Path

import pandas as pd

from naswot.io.parquet import read_parquet, write_parquet

MEASURED = ["seconds", "build_seconds"]


def write_seconds(table: pd.DataFrame, path: str | Path, metadata: dict) -> None:
    """Write the seconds of `table`, which has `index` and `MEASURED`."""
    write_parquet(table[["index", *MEASURED]], path, metadata)


def read_seconds(path: str | Path) -> pd.DataFrame:
    """Read a file of `write_seconds`: `MEASURED`, by index.

    Raises:
        NaswotError: the file is missing, damaged or lacks a column.
    """
    return read_parquet(path, ["index", *MEASURED]).set_index("index")
