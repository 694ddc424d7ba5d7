"""NAS-Bench-Macro: 6,561 networks of eight layers, each an inverted residual block or nothing.

Source: Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021. The
networks are those of `train/model.py` in github.com/xiusu/NAS-Bench-Macro.
"""

from typing import TYPE_CHECKING

from naswot.spaces.nasbenchmacro.architecture import (
    LAYERS,
    SIZE,
    architectures,
    canonical,
    genes,
    parse,
)
from naswot.spaces.nasbenchmacro.counting import count
from naswot.spaces.space import Later, Space

if TYPE_CHECKING:
    from naswot.spaces.nasbenchmacro.network import Network

UNIQUE = 3969  # 9 · 21 · 21: networks that differ in more than the place of their identities


def build(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network of `arch` with `classes` outputs.

    Raises:
        NaswotError: `arch` is malformed.
    """
    from naswot.spaces.nasbenchmacro.network import Network

    return Network(parse(arch), classes)


def benchmark_params(arch: str) -> int:
    """Return the number of trainable parameters of the 10-class network of `arch`.

    Raises:
        NaswotError: `arch` is malformed.
    """
    return int(count(arch, 10, (3, 32, 32))["params"])


SPACE = Space(
    name="nasbenchmacro",
    title="NAS-Bench-Macro",
    size=SIZE,
    unique=UNIQUE,
    architectures=architectures,
    canonical=canonical,
    build=build,
    benchmark_params=benchmark_params,
    diagram=Later("naswot.spaces.nasbenchmacro.diagram:diagram"),
    genes=genes,
    relative_cost=0.6,
    form="01201201",
    recognises=lambda text: len(text) == LAYERS and text.isdecimal(),
)
