"""Search spaces: what an architecture is, how many there are, and how one is built.

A built-in space is one entry of `SPACES`; `naswot.spaces.custom` makes others. Nothing here imports
torch until a network is built, so that planning a run stays cheap.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

from naswot.spaces import nasbench101, nasbench201, natsbench_sss, nds

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Space:
    """One search space.

    Attributes:
        name: identifier used in the configuration and in file names.
        title: the name as people write it.
        size: number of architectures; None where only the benchmark table knows.
        unique: number left when isomorphic ones are counted once; None where isomorphs are
            not looked for.
        architectures: returns all architecture strings in the benchmark's official order; None
            where only the benchmark table lists them.
        canonical: maps an architecture to a string that its isomorphs share; raises
            NaswotError for a malformed architecture.
        build: makes the network of an architecture for a number of classes.
        benchmark_params: counts the trainable parameters of an architecture's network as
            the benchmark trained it on CIFAR-10.
        genes: splits an architecture into independent choices, as whole numbers of which each
            stands for one; raises NaswotError for a malformed architecture. None where an
            architecture is no such list.
        file: the user's file that builds its networks, if there is one.
        like: the space whose networks it has, for a custom space that names one.
    """

    name: str
    title: str
    size: int | None
    unique: int | None
    architectures: Callable[[], Sequence[str]] | None
    canonical: Callable[[str], str]
    build: Callable[[str, int], "torch.nn.Module"]
    benchmark_params: Callable[[str], int]
    genes: Callable[[str], tuple[int, ...]] | None = None
    file: str | None = None
    like: str | None = None


def _space(name: str, title: str, module: ModuleType, unique: int | None = None) -> Space:
    return Space(
        name=name,
        title=title,
        size=getattr(module, "SIZE", None),
        unique=unique,
        architectures=getattr(module, "architectures", None),
        canonical=partial(nds.canonical, space=name)
        if name in nds.SPACES_NDS
        else module.canonical,
        build=module.build,
        benchmark_params=module.benchmark_params,
        genes=getattr(module, "genes", None),
    )


SPACES: Mapping[str, Space] = MappingProxyType(
    {
        space.name: space
        for space in (
            _space("nasbench201", "NAS-Bench-201", nasbench201, unique=nasbench201.UNIQUE),
            _space("natsbench_sss", "NATS-Bench SSS", natsbench_sss),
            _space("nasbench101", "NAS-Bench-101", nasbench101),
            _space("nasbench301", "NAS-Bench-301 (DARTS)", nds),
            *(_space(name, nds.TITLES[name], nds) for name in nds.SPACES_NDS),
        )
    }
)
