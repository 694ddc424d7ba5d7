"""Set what searches with shared weights found beside all cells of the space."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from naswot.analysis.correlation import correlate

COLUMNS = [
    "search",
    "method",
    "title",
    "seed",
    "arch",
    "index",
    "seconds",
    "accuracy",
    "worse",
    "tau",
    "tau_low",
    "tau_high",
    "tau_n",
    "note",
]
CELLS = ["search", "seed", "arch", "shared_accuracy", "accuracy"]


def outcomes(
    found: Sequence[Mapping[str, Any]],
    cells: pd.DataFrame,
    table: pd.DataFrame,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Return one row per search: the columns `COLUMNS`, then every accuracy of the cell it found.

    `accuracy` is the one by which cells are compared, `worse` the share of all cells that have a
    lower one. `tau` is Kendall tau of the random cells' accuracy with shared weights and trained.

    Args:
        found: `search, method, title, seed, arch, seconds, note` of each search.
        cells: columns `CELLS`.
        table: `index`, `accuracy` and further accuracies of all cells, by architecture.
        resamples, seed: of the bootstrap of tau.
    """
    values = table["accuracy"].to_numpy(float)
    values = values[np.isfinite(values)]
    rows = []
    for about in found:
        own = cells[(cells["search"] == about["search"]) & (cells["seed"] == about["seed"])]
        pair = own["shared_accuracy"].to_numpy(float), own["accuracy"].to_numpy(float)
        likeness = correlate(*pair, resamples, seed)
        row = table.loc[about["arch"]].to_dict() if about["arch"] is not None else {}
        accuracy = row.get("accuracy", np.nan)
        rows.append(
            {
                **about,
                **row,
                "worse": float((values < accuracy).mean()) if np.isfinite(accuracy) else np.nan,
                "tau": likeness.tau,
                "tau_low": likeness.tau_low,
                "tau_high": likeness.tau_high,
                "tau_n": likeness.n,
            }
        )
    others = [name for name in table.columns if name not in COLUMNS]
    return pd.DataFrame(rows, columns=[*COLUMNS, *others]).astype({"index": "Int64"})
