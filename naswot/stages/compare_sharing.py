"""Collect searches with shared weights, and compare what they found with all cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from naswot.analysis.weight_sharing import CELLS, outcomes
from naswot.benchmarks.datasets import DATASETS
from naswot.io.atomic import replacing
from naswot.io.parquet import column_names, read_metadata, read_parquet
from naswot.reporting.weight_sharing import sharing_page
from naswot.supernet import SPACE


def compare_sharing(
    results: Sequence[str | Path],
    tried: Sequence[str | Path],
    benchmark: str | Path,
    output: str | Path,
    epochs: str | Path,
    cells: str | Path,
    markdown: str | Path,
    *,
    searches: Sequence[str],
    resamples: int,
    seed: int,
) -> None:
    """Write weight_sharing.csv, its epochs, its cells and its page.

    docs/reference/tables.md has the columns.

    Args:
        results, tried: the files of `naswot.stages.share.share_weights`, search by search.
        benchmark: the benchmark table.
        output, epochs, cells, markdown: the files to write.
        searches: names of the searches, each with equally many files.
        resamples, seed: of the bootstrap of Kendall tau.

    Raises:
        NaswotError: a file is damaged.
    """
    known = column_names(benchmark)
    about = DATASETS[SPACE]
    keys = [key for data in about.values() for key in (data.valid, data.test) if key in known]
    first = about["cifar10"]
    key = first.test if first.test in known else first.valid
    table = read_parquet(benchmark, ["index", "arch", *keys]).set_index("arch")
    table.insert(1, "accuracy", table[key])
    runs = len(results) // len(searches)
    found, rows, compared = [], [], []
    abouts: dict[str, dict[str, Any]] = {}
    for number, (result, cell) in enumerate(zip(results, tried, strict=True)):
        search, own = searches[number // runs], read_metadata(result)
        who = {"search": search, "seed": own["seed"]}
        abouts.setdefault(search, own)
        found.append(
            {
                **who,
                "method": own["method"],
                "title": abouts[search]["title"],
                "arch": own["architecture"],
                "seconds": own["seconds"],
                "note": own["diverged"],
            }
        )
        rows.append(read_parquet(result).assign(**who))
        compared.append(read_parquet(cell).assign(**who))
    epoch_rows, cell_rows = (pd.concat(parts, ignore_index=True) for parts in (rows, compared))
    for frame, name in ((epoch_rows, "best"), (cell_rows, "arch")):
        frame["accuracy"] = frame[name].map(table["accuracy"])
    epoch_rows = epoch_rows[["search", "seed", *epoch_rows.columns.drop(["search", "seed"])]]
    summary = outcomes(found, cell_rows, table, resamples=resamples, seed=seed)
    for path, frame in ((output, summary), (epochs, epoch_rows), (cells, cell_rows[CELLS])):
        with replacing(path) as temporary:
            frame.to_csv(temporary, index=False, float_format="%.6g")
    page = sharing_page(summary, abouts, str(key), table["accuracy"].to_numpy(float))
    with replacing(markdown) as temporary:
        temporary.write_text(page, encoding="utf-8")
