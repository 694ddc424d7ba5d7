"""Which architectures are looked at, which of them are scored, and in what shards."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.errors import NaswotError
from naswot.files import read_parquet, write_parquet
from naswot.provenance import described
from naswot.spaces import Space, get_space


def scored_at_most(space: Space, sample: int | str, deduplicate: bool) -> int:
    """Return the largest number of architectures that can be left to score.

    It needs no sampling, so that a run can be planned before the first job.

    Raises:
        NaswotError: all architectures are asked for, and only the benchmark table counts them.
    """
    if sample != "all":
        return min(int(sample), space.unique or int(sample)) if deduplicate else int(sample)
    if space.size is None:
        raise NaswotError(f"sample = all is not known for {space.name}: give a number.")
    return space.unique if deduplicate and space.unique else space.size


def sample_architectures(
    space: Space,
    architectures: Sequence[str],
    sample: int | str,
    deduplicate: bool,
    seed: int,
) -> pd.DataFrame:
    """Return the architectures of a run, in index order.

    Args:
        space: the search space.
        architectures: all of them, in the benchmark's order.
        sample: "all", or how many to draw without replacement. A larger sample contains a
            smaller one of the same seed.
        deduplicate: whether isomorphic architectures share one score.
        seed: of the draw.

    Returns:
        Columns `index`, `arch`, and `representative`, `representative_arch`: the architecture
        that is scored in its place; the first of its isomorphs in the space, whether in the
        sample or not, so that a score does not depend on the sample. Without `deduplicate`, and
        where isomorphs are not looked for, it is the architecture itself.

    Raises:
        NaswotError: there are fewer architectures than asked for.
    """
    size = len(architectures)
    count = size if sample == "all" else int(sample)
    if count > size:
        raise NaswotError(
            f"sample = {count} is not allowed; {space.name} has {size} architectures."
        )
    chosen = np.random.default_rng(seed).permutation(size)[:count]
    chosen.sort()
    if deduplicate and space.unique:
        first: dict[str, int] = {}
        representatives = np.array(
            [first.setdefault(space.canonical(arch), i) for i, arch in enumerate(architectures)]
        )[chosen]
    else:
        representatives = chosen
    return pd.DataFrame(
        {
            "index": chosen,
            "arch": [architectures[index] for index in chosen],
            "representative": representatives,
            "representative_arch": [architectures[index] for index in representatives],
        }
    )


def write_sample(
    output: str | Path,
    *,
    space: str,
    sample: int | str,
    deduplicate: bool,
    seed: int,
    benchmark: str | Path | None = None,
) -> None:
    """Write `sample_architectures` to a Parquet file; arguments as there.

    `benchmark` is the benchmark table, for a space whose architectures only it lists.
    """
    known = get_space(space)
    if known.architectures is not None:
        architectures = known.architectures()
    else:
        architectures = read_parquet(benchmark, ["arch"])["arch"]
    chosen = sample_architectures(known, architectures, sample, deduplicate, seed)
    settings = described(space=space, sample=sample, deduplicate=deduplicate, seed=seed)
    write_parquet(chosen, output, settings)


def to_score(sample: pd.DataFrame) -> pd.DataFrame:
    """Return `index` and `arch` of the representatives of `sample`, each once, in order."""
    representatives = sample[["representative", "representative_arch"]].drop_duplicates()
    return representatives.set_axis(["index", "arch"], axis=1).sort_values(
        "index", ignore_index=True
    )


def shard_of(frame: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return every `shards`-th row of `frame`, from row `shard` on: shards of equal cost."""
    return frame.iloc[shard::shards].reset_index(drop=True)
