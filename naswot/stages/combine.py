"""Put the joined tables of several scores together into that of an aggregate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.scores import points_down
from naswot.scores.aggregates import combine
from naswot.tables.members import member_columns
from naswot.tables.seconds import read_seconds, write_seconds


def combine_scores(
    joined: Sequence[str | Path],
    measured: Sequence[str | Path],
    output: str | Path,
    seconds: str | Path,
    *,
    name: str,
    by: str,
) -> None:
    """Write the joined table of an aggregate of scores.

    Args:
        joined: one joined table per score, of the same architectures.
        measured: the seconds of each score, see `naswot.tables.seconds`.
        output: a joined table whose `score` is the aggregate among all its architectures, with
            the scores that it puts together, see `naswot.tables.members`.
        seconds: file for the seconds, summed over the families of the scores.
        name: name of the aggregate.
        by: a key of `naswot.scores.aggregates.RULES`.
    """
    about = [read_metadata(path) for path in joined]
    tables = [read_parquet(path) for path in joined]
    names = [metadata["score"] for metadata in about]
    signs = [-1 if points_down(metadata) else 1 for metadata in about]
    scores = np.column_stack([table["score"].to_numpy(float) for table in tables]) * signs
    families = {
        metadata["family"]: read_seconds(path)
        for metadata, path in zip(about, measured, strict=True)
    }
    result = tables[0].assign(score=combine(scores, by), **member_columns(names, scores))
    result = result.drop(columns=["relu_units", "relu_modules"], errors="ignore")
    same = {
        key: value
        for key, value in about[0].items()
        if key not in ("family", "lower_is_better", "settings_hash")
        and all(key in other and other[key] == value for other in about)
    }
    metadata = {**same, "score": name, "members": names, "by": by}
    write_parquet(result, output, metadata)
    peaks = [read_metadata(path).get("peak_memory_mib") for path in measured]
    peak = {"peak_memory_mib": max(filter(None, peaks), default=None)}
    write_seconds(sum(families.values()).reset_index(), seconds, metadata | peak)
