"""Search spaces: what an architecture is, how many there are, and how one is built.

A space is one entry of `SPACES`. Nothing here imports torch until a network is built, so
that planning a run stays cheap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from naswot.errors import NaswotError
from naswot.spaces import nasbench101, nasbench201, natsbench_sss

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Space:
    """One search space.

    Attributes:
        name: identifier used in the configuration and in file names.
        size: number of architectures.
        unique: number left when isomorphic ones are counted once.
        architectures: returns all architecture strings in the benchmark's official order, or
            None where only the benchmark table lists them.
        canonical: maps an architecture to a string that its isomorphs share; raises
            NaswotError for a malformed architecture.
        build: makes the network of an architecture for a number of classes.
        benchmark_params: counts the trainable parameters of an architecture's network as
            the benchmark trained it on CIFAR-10.
    """

    name: str
    size: int
    unique: int
    architectures: Callable[[], Sequence[str]] | None
    canonical: Callable[[str], str]
    build: Callable[[str, int], "torch.nn.Module"]
    benchmark_params: Callable[[str], int]


SPACES = {
    "nasbench201": Space(
        name="nasbench201",
        size=nasbench201.SIZE,
        unique=nasbench201.UNIQUE,
        architectures=nasbench201.architectures,
        canonical=nasbench201.canonical,
        build=nasbench201.build,
        benchmark_params=nasbench201.benchmark_params,
    ),
    "natsbench_sss": Space(
        name="natsbench_sss",
        size=natsbench_sss.SIZE,
        unique=natsbench_sss.SIZE,
        architectures=natsbench_sss.architectures,
        canonical=natsbench_sss.canonical,
        build=natsbench_sss.build,
        benchmark_params=natsbench_sss.benchmark_params,
    ),
    "nasbench101": Space(
        name="nasbench101",
        size=nasbench101.SIZE,
        unique=nasbench101.SIZE,
        architectures=None,
        canonical=nasbench101.canonical,
        build=nasbench101.build,
        benchmark_params=nasbench101.benchmark_params,
    ),
}


def get_space(name: str) -> Space:
    """Return the space called `name`.

    Raises:
        NaswotError: there is no such space.
    """
    if name not in SPACES:
        raise NaswotError(f"There is no search space {name!r}; there are: {', '.join(SPACES)}.")
    return SPACES[name]
