"""Search spaces: what an architecture is, how many there are, and how one is built.

A built-in space is one entry of `SPACES`; `naswot.spaces.custom` makes others. Nothing here imports
torch until a network is built, so that planning a run stays cheap.
"""

from collections.abc import Mapping
from types import MappingProxyType

from naswot.spaces import nasbench101, nasbench201, natsbench_sss, nds
from naswot.spaces.space import Space

__all__ = ["SPACES", "Space"]

SPACES: Mapping[str, Space] = MappingProxyType(
    {
        space.name: space
        for space in (nasbench201.SPACE, natsbench_sss.SPACE, nasbench101.SPACE, *nds.SPACES)
    }
)
