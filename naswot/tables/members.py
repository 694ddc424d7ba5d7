"""The scores that an aggregate puts together, in its joined table.

Columns: ``score:NAME`` for each member, with the sign by which higher is better. Searches need
them, because they rank only the networks that they drew, and the aggregate in the column ``score``
is that among all architectures of the table.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.io.parquet import read_metadata, read_parquet


def member_columns(names: Sequence[str], scores: np.ndarray) -> dict[str, np.ndarray]:
    """Return column → values of the members `names`, whose scores are (n, k)."""
    return {f"score:{name}": column for name, column in zip(names, scores.T, strict=True)}


def read_members(joined: str | Path) -> tuple[pd.DataFrame | None, str]:
    """Return the members of a joined table by `index`, and the name of the aggregate's rule.

    They are None and "" for a table of a single score.
    """
    about = read_metadata(joined)
    if "members" not in about:
        return None, ""
    columns = [f"score:{name}" for name in about["members"]]
    return read_parquet(joined, ["index", *columns]).set_index("index"), about["by"]
