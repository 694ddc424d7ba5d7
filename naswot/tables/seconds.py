"""Write and read the measured seconds of scoring, in a file beside the scores.

They are kept apart because two runs on one machine give the same table of scores to the last byte,
but never the same seconds. Columns: ``index`` of the architecture, ``seconds`` of its whole family
of scores, and ``build_seconds``, the part spent on building the network. Isomorphs share the
seconds of the architecture that was scored. The metadata have ``peak_memory_mib``, the peak memory
of a process that scored: of the GPU if it computed there, else the resident set with Python and all
libraries; None if unknown.
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
