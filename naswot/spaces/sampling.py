"""Sample the architectures of a run, and select which of them are scored and in what order."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from naswot.errors import NaswotError
from naswot.runtime.progress import log
from naswot.spaces import Space

Sample = int | Literal["all"]  # a number of architectures, or "all"


def sample_of(sample: Sample | Mapping[str, Sample], space: str) -> Any:
    """Return the sample size of `space`, or "all"; None if `sample` does not give it.

    `sample` is one value for all spaces, or a mapping from space to value.
    """
    return sample.get(space) if isinstance(sample, Mapping) else sample


def scored_at_most(space: Space, sample: Sample, deduplicate: bool) -> int:
    """Return an upper bound of the number of architectures to score.

    It needs no sampling, so that a run can be planned before the first job.

    Raises:
        NaswotError: `sample` is "all", and only the benchmark table knows how many these are.
    """
    if sample != "all":
        return min(int(sample), space.unique or int(sample)) if deduplicate else int(sample)
    if space.size is None:
        raise NaswotError(f"sample = all is not known for {space.name}: give a number.")
    return space.unique if deduplicate and space.unique else space.size


def order_architectures(
    space: Space, architectures: Sequence[str], deduplicate: bool, seed: int
) -> pd.DataFrame:
    """Return all architectures of a space in a random order.

    A sample is the beginning of this order, so a larger sample begins with the smaller one.

    Args:
        space: the search space.
        architectures: all of them, in the benchmark's order.
        deduplicate: whether isomorphic architectures share one score.
        seed: seed of the order.

    Returns:
        Columns `index`, `arch` and `representative`. The representative is the index of the
        architecture that is scored instead: the first of its isomorphs in the space, so that a
        score does not depend on the sample. Without `deduplicate`, and in spaces where isomorphs
        are not looked for, it is the architecture itself.
    """
    representatives = np.arange(len(architectures))
    if deduplicate and space.unique:
        first: dict[str, int] = {}
        representatives = np.array(
            [first.setdefault(space.canonical(arch), i) for i, arch in enumerate(architectures)]
        )
    order = np.random.default_rng(seed).permutation(len(architectures))
    table = pd.DataFrame({"arch": architectures, "representative": representatives})
    return table.iloc[order].rename_axis("index").reset_index()


def first_drawn(order: pd.DataFrame, sample: Sample, space: str) -> pd.DataFrame:
    """Return the first `sample` rows of `order`; if there are fewer, log it and return all."""
    if sample != "all" and int(sample) > len(order):
        log.warning("%s has %s architectures; all are taken.", space, f"{len(order):,}")
    return order if sample == "all" else order[: int(sample)]


def to_score(order: pd.DataFrame) -> pd.DataFrame:
    """Return `index` and `arch` of all representatives, each once, in the order of first use.

    A sample of n needs a beginning of this list, at most n rows. So the list of a larger sample
    begins with the list of a smaller one, and equally long parts of it take about the same time.
    """
    representatives = order["representative"].drop_duplicates()
    return order.set_index("index")[["arch"]].loc[representatives].reset_index()
