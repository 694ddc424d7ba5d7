"""TransNAS-Bench-101: 4,096 cells (micro) and 3,256 skeletons (macro), trained on seven tasks.

Source: Duan et al., "TransNAS-Bench-101: Improving Transferability and Generalizability of
Cross-Task Neural Architecture Search", CVPR 2021; yawen-d/TransNASBench.
"""

from typing import TYPE_CHECKING

from naswot.spaces.space import Later, Space
from naswot.spaces.transnas.architecture import (
    MACRO_FORM,
    MACRO_SIZE,
    MICRO_FORM,
    MICRO_SIZE,
    macro_architectures,
    macro_canonical,
    macro_genes,
    micro_architectures,
    micro_canonical,
    micro_genes,
    parse_macro,
    parse_micro,
)
from naswot.spaces.transnas.counting import count_macro, count_micro

if TYPE_CHECKING:
    from naswot.spaces.transnas.network import Network

__all__ = ["MACRO", "MICRO", "SPACES"]

CLASSES = 47  # of scene classification, the benchmark's first task
IMAGE = (3, 256, 256)


def build_micro(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network of a micro architecture with `classes` outputs.

    Raises:
        NaswotError: the architecture is malformed.
    """
    from naswot.spaces.transnas.network import Network

    return Network(parse_micro(arch), classes)


def build_macro(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network of a macro architecture with `classes` outputs.

    Raises:
        NaswotError: the architecture is malformed.
    """
    from naswot.spaces.transnas.network import Network

    return Network(parse_macro(arch), classes)


def micro_params(arch: str) -> int:
    """Return the number of trainable parameters of a micro network for scene classification.

    Raises:
        NaswotError: the architecture is malformed.
    """
    return int(count_micro(arch, CLASSES, IMAGE)["params"])


def macro_params(arch: str) -> int:
    """Return the number of trainable parameters of a macro network for scene classification.

    Raises:
        NaswotError: the architecture is malformed.
    """
    return int(count_macro(arch, CLASSES, IMAGE)["params"])


def _numbered(text: str) -> bool:
    stem, dash, _ = text.partition("-")
    return bool(dash) and stem.isdecimal()


MICRO = Space(
    name="transnas_micro",
    title="TransNAS-Bench-101 micro",
    size=MICRO_SIZE,
    unique=None,
    architectures=micro_architectures,
    canonical=micro_canonical,
    build=build_micro,
    benchmark_params=micro_params,
    diagram=Later("naswot.spaces.transnas.diagram:micro_diagram"),
    genes=micro_genes,
    relative_cost=1.5,
    form=MICRO_FORM,
    recognises=lambda text: _numbered(text) and not text.endswith("basic"),
)
MACRO = Space(
    name="transnas_macro",
    title="TransNAS-Bench-101 macro",
    size=MACRO_SIZE,
    unique=None,
    architectures=macro_architectures,
    canonical=macro_canonical,
    build=build_macro,
    benchmark_params=macro_params,
    diagram=Later("naswot.spaces.transnas.diagram:macro_diagram"),
    genes=macro_genes,
    relative_cost=1.5,
    form=MACRO_FORM,
    recognises=lambda text: _numbered(text) and text.endswith("basic"),
)
SPACES = (MICRO, MACRO)
