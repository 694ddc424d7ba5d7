"""Draw the mini-batch on which every network is scored."""

from pathlib import Path

from naswot.images import get_source, mini_batch
from naswot.runtime.provenance import build_metadata
from naswot.tables.batch import write_batch


def draw_batch(
    output: str | Path,
    *,
    name: str,
    count: int,
    size: int,
    seed: int,
    directory: str | Path | None = None,
) -> None:
    """Draw a mini-batch and write it; arguments as for `naswot.images.mini_batch`."""
    batch = mini_batch(name, count, size, seed, directory)
    source = get_source(name)
    file = source.find(directory) if directory is not None else None
    settings = build_metadata(images=name, size=size, count=count, seed=seed, file=file)
    write_batch(batch, output, settings, source.origin)
