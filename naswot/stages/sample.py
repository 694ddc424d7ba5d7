"""Draw the architectures of a space in random order: one row per architecture."""

from pathlib import Path

from naswot.io.parquet import read_parquet, write_parquet
from naswot.runtime.provenance import build_metadata
from naswot.spaces import Space
from naswot.spaces.sampling import order_architectures


def sample_architectures(
    output: str | Path,
    *,
    space: Space,
    deduplicate: bool,
    seed: int,
    benchmark: str | Path | None = None,
) -> None:
    """Write the result of `order_architectures` to a Parquet file; arguments as there.

    `benchmark` is the benchmark table, for a space whose architectures are listed nowhere else. The
    file has the columns of `naswot.tables.order`.
    """
    if space.architectures is not None:
        architectures = space.architectures()
    else:
        architectures = read_parquet(benchmark, ["arch"])["arch"]  # type: ignore[arg-type]
    order = order_architectures(space, architectures, deduplicate, seed)
    settings = build_metadata(space=space.name, deduplicate=deduplicate, seed=seed)
    write_parquet(order, output, settings)
