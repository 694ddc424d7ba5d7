"""Search spaces: their architectures, how many there are, and how a network is built.

Each built-in space is one entry of `SPACES`; `naswot.spaces.custom` makes others. This package
imports torch only when it builds a network, so that planning a run is fast.
"""

from collections.abc import Mapping
from types import MappingProxyType

from naswot.spaces import (
    nasbench101,
    nasbench201,
    nasbenchmacro,
    natsbench_sss,
    nds,
    transnas,
    zoo,
)
from naswot.spaces.space import Space

__all__ = ["SPACES", "Space"]

SPACES: Mapping[str, Space] = MappingProxyType(
    {
        space.name: space
        for space in (
            nasbench201.SPACE,
            natsbench_sss.SPACE,
            nasbench101.SPACE,
            nasbenchmacro.SPACE,
            *nds.SPACES,
            *transnas.SPACES,
            *zoo.SPACES,
        )
    }
)
