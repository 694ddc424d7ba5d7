"""Make diagrams of mobile networks: one block for each stage, and the inverted residual block."""

from naswot.spaces.grammar import TYPICAL_SIDES
from naswot.spaces.graph import Block, Cell, Diagram, head, inverted_residual
from naswot.spaces.mobile.architecture import Architecture, Stage, parse

_ACTIVATIONS = {"relu": "ReLU", "hswish": "hard-swish"}


def diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of architecture `arch`.

    Raises:
        NaswotError: the architecture is malformed.
    """
    network = parse(arch)
    side = TYPICAL_SIDES[network.halvings]
    size = side // network.stem_stride
    name = "stem, ÷2" if network.stem_stride == 2 else "stem"
    blocks = [Block(name, "stem", network.stem, size)]
    for stage in network.stages:
        size = -(-size // stage.stride)
        name = "block, ÷2" if stage.stride == 2 else "block"
        blocks.append(Block(name, "cell", stage.width, size, stage.depth, _inside(stage)))
    blocks.append(Block("conv 1×1", "cell", network.head, size))
    return Diagram(
        title,
        arch,
        (_cell(network),),
        (*blocks, *head(network.head)),
        frozenset({"skeleton"}),
        f"sizes of maps are those for images of {side}×{side} pixels",
    )


def _inside(stage: Stage) -> str:
    """Return kernel, expansion and squeeze-and-excitation of a stage."""
    squeeze = ", SE" if stage.squeezes else ""
    return f"{stage.kernel}×{stage.kernel}, expanded ×{stage.expansion}{squeeze}"


def _cell(network: Architecture) -> Cell:
    squeezes = any(stage.squeezes for stage in network.stages)
    note = (
        f"batch normalisation follows each convolution, then {_ACTIVATIONS[network.activation]} "
        "but for the projection; no skip where shapes change"
    )
    if squeezes:
        note += "; SE (squeeze-and-excitation) only where the skeleton has it"
    return inverted_residual(note, squeezes)
