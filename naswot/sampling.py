"""Which architectures are looked at, which of them are scored, and in what shards."""

from pathlib import Path

import numpy as np
import pandas as pd

from naswot.files import write_parquet
from naswot.provenance import described
from naswot.spaces import Space, get_space


def scored_at_most(space: Space, sample: int | str, deduplicate: bool) -> int:
    """Return the largest number of architectures that can be left to score.

    It needs no sampling, so that a run can be planned before the first job.
    """
    size = space.size if sample == "all" else int(sample)
    return min(size, space.unique) if deduplicate else size


def sample_architectures(
    space: Space, sample: int | str, deduplicate: bool, seed: int
) -> pd.DataFrame:
    """Return the architectures of a run, in index order.

    Args:
        space: the search space.
        sample: "all", or how many to draw without replacement.
        deduplicate: whether isomorphic architectures share one score.
        seed: of the draw.

    Returns:
        Columns `index`, `arch`, and `representative`: the index of the architecture that is
        scored in its place; the first of its isomorphs in the space, whether in the sample
        or not, so that a score does not depend on the sample. Without `deduplicate` it is
        the index itself.
    """
    architectures = space.architectures()
    if sample == "all":
        chosen = np.arange(space.size)
    else:
        chosen = np.random.default_rng(seed).choice(space.size, int(sample), replace=False)
        chosen.sort()
    if deduplicate:
        first: dict[str, int] = {}
        representatives = [
            first.setdefault(space.canonical(arch), index)
            for index, arch in enumerate(architectures)
        ]
    else:
        representatives = range(space.size)
    return pd.DataFrame(
        {
            "index": chosen,
            "arch": [architectures[index] for index in chosen],
            "representative": [representatives[index] for index in chosen],
        }
    )


def write_sample(
    output: str | Path, *, space: str, sample: int | str, deduplicate: bool, seed: int
) -> None:
    """Write `sample_architectures` to a Parquet file; arguments as there."""
    chosen = sample_architectures(get_space(space), sample, deduplicate, seed)
    settings = described(space=space, sample=sample, deduplicate=deduplicate, seed=seed)
    write_parquet(chosen, output, settings)


def to_score(sample: pd.DataFrame, space: Space) -> pd.DataFrame:
    """Return `index` and `arch` of the representatives of `sample`, each once, in order."""
    indices = np.sort(sample["representative"].unique())
    architectures = space.architectures()
    return pd.DataFrame({"index": indices, "arch": [architectures[index] for index in indices]})


def shard_of(frame: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return every `shards`-th row of `frame`, from row `shard` on: shards of equal cost."""
    return frame.iloc[shard::shards].reset_index(drop=True)
