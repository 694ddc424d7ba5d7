"""Search with shared weights: one network trains all architectures of a space at once.

Six methods of Table 2 (a) of Mellor et al. A method is a `Searcher` with a supernet; its module
says what it does and where the published code is peculiar. The protocols are data
(`naswot.supernet.protocol`), `naswot.supernet.loop.share` runs one search, and
`naswot.supernet.cells.CellSpace` describes a space, NAS-Bench-201 or one's own:

    space = nasbench201(channels=16, cells=1)
    protocol = planned("gdas", "reduced", {}, images=len(data.train))
    found = share(space, data, "gdas", protocol, seed=0)
    found.architecture
"""

from collections.abc import Mapping
from dataclasses import dataclass

from naswot.spaces.space import Later

SPACE = "nasbench201"  # that the workflow searches


@dataclass(frozen=True)
class Method:
    """A method that shares weights.

    Attributes:
        title: its name in tables.
        searcher: (supernet, protocol) → a `naswot.supernet.searcher.Searcher`.
    """

    title: str
    searcher: Later


METHODS: Mapping[str, Method] = {
    "rsps": Method("RSPS", Later("naswot.supernet.rsps:RSPS")),
    "darts_v1": Method("DARTS-V1", Later("naswot.supernet.darts_v1:DartsV1")),
    "darts_v2": Method("DARTS-V2", Later("naswot.supernet.darts_v2:DartsV2")),
    "gdas": Method("GDAS", Later("naswot.supernet.gdas:GDAS")),
    "setn": Method("SETN", Later("naswot.supernet.setn:SETN")),
    "enas": Method("ENAS", Later("naswot.supernet.enas:ENAS")),
}
