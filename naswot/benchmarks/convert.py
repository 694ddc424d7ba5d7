"""Convert a benchmark file of any supported format to the project's benchmark table."""

from pathlib import Path
from typing import Any

import pandas as pd

from naswot.benchmarks.catalogue import Entry
from naswot.benchmarks.sources import files_of, find
from naswot.benchmarks.table import accuracy_keys, check
from naswot.errors import NaswotError
from naswot.io.digests import sha256_of
from naswot.io.parquet import write_parquet
from naswot.runtime.provenance import versions


def convert_benchmark(
    entry: Entry, mirror: str | Path | None, output: str | Path, path: str | Path | None = None
) -> str:
    """Write the benchmark table of a space; return a one-line summary of it.

    Args:
        entry: the search space, with the files that its table may come from.
        mirror: a directory with one of the files of `naswot.benchmarks.sources`, or None for
            the pip package, which has NAS-Bench-201 only.
        output: the Parquet file to write.
        path: the source file, if it is not in the mirror: a local copy of a file in a storage.

    Raises:
        NaswotError: the source is missing or damaged, or its content is invalid.
    """
    space = entry.space
    file = digest = None
    found = find(entry.sources, mirror)
    if found is None and mirror is None:
        raise NaswotError(f"{space.name} is in no package: name a mirror that has it.")
    if found is None:
        files = files_of(entry.sources)
        raise NaswotError(f"{mirror} has no table of {space.name}: put {files} there.")
    path = found.place(mirror) if path is None else Path(path)
    table = found.read(path)
    source, licence = found.describe(path)
    if not (found.made or found.packaged):  # the others are known by the workflow or the package
        file, digest = path.name, sha256_of(path)
    table = check(table, space, str(path))
    metadata: dict[str, Any] = {
        "space": space.name,
        "source": source,
        "licence": licence,
        **versions(),
    }
    metadata |= {"source_file": file, "source_sha256": digest}
    write_parquet(table, output, metadata)
    return f"{source}: {describe(table)}"


def describe(table: pd.DataFrame) -> str:
    """Return the number of rows and the best accuracies, to compare with the paper."""
    best = (f"{key} {table[key].max():.2f}" for key in accuracy_keys(table))
    return f"{len(table):,} architectures; best: {', '.join(best)}"
