"""NDS, the network design spaces of Radosavovic et al., each with thousands of trained networks.

There are networks of cells with the operations of AmoebaNet, DARTS, ENAS, NASNet and PNAS, of
varying width and depth; and ResNet, ResNeXt and Vanilla networks. An architecture is JSON text; see
`naswot.spaces.nds.genotypes`.

Source: Radosavovic, Johnson, Xie, Lo & Dollár, "On Network Design Spaces for Visual
Recognition", ICCV 2019.
"""

from functools import partial
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
from naswot.spaces.space import Later, Space

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "SPACES",
    "SPACES_NDS",
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

    It has 1000 classes in the ImageNet sets, else 10, and the auxiliary head if the architecture
    sets ``aux``.

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


def _recognises(text: str) -> bool:
    keys = ('"searchspace"', '"block_type"')
    return text.startswith("{") and '"matrix"' not in text and any(key in text for key in keys)


def _space(name: str, title: str, **about: Any) -> Space:
    return Space(
        name=name,
        title=title,
        size=None,
        unique=None,
        architectures=None,
        build=build,
        benchmark_params=benchmark_params,
        diagram=Later("naswot.spaces.nds.diagram:diagram"),
        genes=genes,
        form='{"searchspace": …, "net": …} or {"block_type": …}',
        **about,
    )


SPACES = (
    *(
        _space(name, title, canonical=partial(canonical, space=name), recognises=_recognises)
        for name, title in TITLES.items()
    ),
    # Its architecture strings have the form of nds_darts.
    _space(
        "nasbench301",
        "NAS-Bench-301 (DARTS)",
        canonical=canonical,
        recognises=lambda text: _recognises(text) and '"DARTS"' in text,
    ),
    # Trained cells in architecture strings of the same form; a string does not tell the table.
    _space("darts_trained_200", "DARTS cells, 200 epochs", canonical=canonical),
    _space("darts_trained_600", "DARTS cells, 600 epochs", canonical=canonical, relative_cost=18.0),
)
