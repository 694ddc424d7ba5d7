"""Find which architectures of a benchmark are one mutation apart; searches move along these."""

import logging
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet
from naswot.runtime.provenance import build_metadata
from naswot.spaces import Space
from naswot.spaces.neighbourhood import NEAREST, neighbourhood
from naswot.tables.neighbours import write_neighbours

log = logging.getLogger("naswot")


def find_neighbours(benchmark: str | Path, output: str | Path, *, space: Space) -> None:
    """Write which architectures of a benchmark table are neighbours (`naswot.tables.neighbours`).

    Args:
        benchmark: the benchmark table.
        output: the Parquet file to write.
        space: the search space.

    Raises:
        NaswotError: a file is damaged, or it has no architectures; also as `neighbourhood`.
    """
    table = read_parquet(benchmark, ["index", "arch"])
    if table.empty:
        raise NaswotError(f"{benchmark} has no architecture.")
    index = table["index"].to_numpy(np.int32)
    found = neighbourhood(space, table["arch"].tolist())
    counts = (found.neighbours >= 0).sum(axis=1)
    apart = f"the {NEAREST} nearest" if found.nearest else "one mutation apart"
    source = read_metadata(benchmark).get("source")
    settings = build_metadata(space=space.name, neighbours=apart, accuracies=source)
    write_neighbours(index, found, output, settings)
    log.info(
        "%s architectures; neighbours are %s: %d to %d per architecture, median %g",
        f"{len(index):,}",
        apart,
        counts.min(),
        counts.max(),
        np.median(counts),
    )
