"""Look up in a benchmark table what searches with shared weights found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import Dataset
from naswot.errors import NaswotError
from naswot.io.parquet import column_names, digest_of, read_metadata, read_parquet, write_parquet
from naswot.runtime.provenance import build_metadata, origin_of
from naswot.stages.budget_search import COLUMNS


def look_up(
    searches: Sequence[str | Path],
    benchmark: str | Path,
    output: str | Path,
    *,
    dataset: Dataset,
    search: str,
) -> None:
    """Write the trained accuracies of what searches with shared weights found: one row per search.

    The columns are those of other searches (`naswot.stages.budget_search`); `fitness` and
    `evaluations` are unknown. A search that diverged has index −1 and no accuracies, and `note`
    counts it.

    Args:
        searches: files of `naswot.stages.share.share_weights`, alike but for their seeds.
        benchmark: the benchmark table.
        output: the Parquet file to write.
        dataset: the dataset whose accuracies are reported.
        search: name of the search in the configuration.

    Raises:
        NaswotError: a file is damaged.
    """
    abouts = [read_metadata(path) for path in searches]
    first = abouts[0]
    keys = [key for key in (dataset.valid, dataset.test) if key in column_names(benchmark)]
    table = read_parquet(benchmark, ["index", "arch", *keys]).set_index("arch")
    archs = [about["architecture"] for about in abouts]
    lost = [arch for arch in archs if arch is not None and arch not in table.index]
    if lost:
        raise NaswotError(f"{benchmark} has no architecture {lost[0]}: make it again.")
    table = table.reindex(archs)
    index = table["index"].fillna(-1).astype("int64").to_numpy()

    def accuracy(key: str | None) -> np.ndarray:
        return table[key].to_numpy(float) if key in table else np.full(len(archs), np.nan)

    found = pd.DataFrame(
        {
            "method": search,
            "sample_size": 0,
            "run": np.arange(len(archs)),
            "seed": [about["seed"] for about in abouts],
            "index": index,
            "arch": archs,
            "search_seconds": [about["seconds"] for about in abouts],
            "evaluations": 0,
            "fitness": np.nan,
            "valid": accuracy(dataset.valid),
            "test": accuracy(dataset.test),
            "test_index": index,
        },
        columns=list(COLUMNS),
    )
    diverged = sum(bool(about["diverged"]) for about in abouts)
    about = read_metadata(benchmark)
    metadata = build_metadata(
        space=first["space"],
        dataset=dataset.name,
        searched=first["images"],
        method=search,
        title=first["title"],
        search_family="weight-sharing",
        pool="whole",
        runs=len(archs),
        seed=first["seed"],
        budget=None,
        fitness=None,
        differences=first["differences"],
        note=f"{diverged} of {len(archs)} searches diverged" if diverged else "",
    )
    metadata |= {"accuracies": about.get("source"), **origin_of(about)}
    write_parquet(found, output, metadata | {"table": digest_of(benchmark)})
