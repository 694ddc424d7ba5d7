"""NDS, the network design spaces of Radosavovic et al.: thousands of networks each, all trained.

Networks of cells with the operations of AmoebaNet, DARTS, ENAS, NASNet and PNAS, of varying
width and depth, and ResNet, ResNeXt and Vanilla networks. An architecture is JSON text; see
`naswot.spaces.nds.genotypes`.

Source: Radosavovic, Johnson, Xie, Lo & Dollár, "On Network Design Spaces for Visual
Recognition", ICCV 2019.
"""

from typing import TYPE_CHECKING, Any

from naswot.spaces.nds.genes import genes
from naswot.spaces.nds.genotypes import (
    SEARCHSPACES,
    SPACES_NDS,
    CellNetwork,
    canonical,
    parse,
)
from naswot.spaces.nds.records import from_record
from naswot.spaces.nds.stages import STAGE_TITLES

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "SPACES_NDS",
    "TITLES",
    "benchmark_params",
    "build",
    "canonical",
    "from_record",
    "genes",
    "parse",
]

TITLES = {name: f"NDS {SEARCHSPACES.get(name) or STAGE_TITLES[name]}" for name in SPACES_NDS}


def build(arch: str, classes: int = 1) -> "nn.Module":
    """Build the untrained network of architecture `arch` with `classes` outputs.

    It takes images (B, 3, H, W) and has no auxiliary head.

    Raises:
        NaswotError: the architecture is malformed.
    """
    network: Any = parse(arch)
    if isinstance(network, CellNetwork):
        from naswot.spaces.nds.darts_style import Network
    else:
        from naswot.spaces.nds.anynet import Network  # type: ignore[assignment]
    return Network(network, classes)


def benchmark_params(arch: str) -> int:
    """Return the number of trainable parameters of the network as NDS trained it.

    That is with 1000 classes in the ImageNet sets, else 10, and with the auxiliary head
    where the architecture says ``aux``.

    Raises:
        NaswotError: the architecture is malformed.
    """
    import torch

    network: Any = parse(arch)
    cells = isinstance(network, CellNetwork)
    classes = 1000 if cells and network.imagenet else 10
    with torch.device("meta"):
        built: Any = build(arch, classes)
    params = sum(parameter.numel() for parameter in built.parameters())
    return params + (built.auxiliary_params(classes) if cells and network.aux else 0)
