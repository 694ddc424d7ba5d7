"""Combine several scores by the majority vote of Abdelfattah et al. (ICLR 2021)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.scores import FAMILY_OF, LOWER_IS_BETTER
from naswot.tables.seconds import read_seconds, write_seconds

BLOCK = 256  # architectures compared with all others at a time


def combine_scores(
    joined: Sequence[str | Path],
    measured: Sequence[str | Path],
    output: str | Path,
    seconds: str | Path,
) -> None:
    """Write the joined table of the vote of several scores.

    Args:
        joined: one joined table per score, of the same architectures.
        measured: the seconds of each score, see `naswot.tables.seconds`.
        output: a joined table whose `score` is the number of architectures that each one beats.
        seconds: file for the seconds, summed over the families of the scores.
    """
    about = [read_metadata(path) for path in joined]
    tables = [read_parquet(path) for path in joined]
    names = [metadata["score"] for metadata in about]
    signs = [-1 if name in LOWER_IS_BETTER else 1 for name in names]
    scores = np.column_stack(
        [sign * table["score"].to_numpy(float) for sign, table in zip(signs, tables, strict=True)]
    )
    families = dict(zip(map(FAMILY_OF.get, names), map(read_seconds, measured), strict=True))
    result = tables[0].assign(score=vote(scores))
    result = result.drop(columns=["relu_units", "relu_modules"], errors="ignore")
    same = {
        key: value
        for key, value in about[0].items()
        if key not in ("family", "settings_hash")
        and all(key in other and other[key] == value for other in about)
    }
    metadata = {**same, "score": "vote", "members": names}
    write_parquet(result, output, metadata)
    write_seconds(sum(families.values()).reset_index(), seconds, metadata)


def vote(scores: np.ndarray) -> np.ndarray:
    """Return how many others each architecture beats on a majority of scores (a tie counts ½).

    Args:
        scores: (architectures, scores), higher is better; NaN loses to everything else.

    Returns:
        float64 (architectures,): Copeland's count.
    """
    ranks = np.stack(
        [
            pd.Series(np.where(np.isnan(column), -np.inf, column)).rank(method="dense").to_numpy()
            - np.isnan(column)
            for column in scores.T
        ]
    ).astype(np.int32)
    counts = np.empty(ranks.shape[1])
    for start in range(0, len(counts), BLOCK):
        stop = start + BLOCK
        balance = sum(np.sign(row[start:stop, None] - row[None, :]) for row in ranks)
        counts[start:stop] = ((balance > 0) + 0.5 * (balance == 0)).sum(axis=1) - 0.5  # itself
    return counts
