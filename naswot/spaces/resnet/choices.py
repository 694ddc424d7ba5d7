"""The space `resnet` that a search can draw from."""

from typing import TYPE_CHECKING

from naswot.spaces.choices import ChoiceSpace
from naswot.spaces.grammar import fit_halvings
from naswot.spaces.resnet.architecture import GRAMMAR, parse
from naswot.spaces.resnet.counting import count
from naswot.spaces.space import Later

if TYPE_CHECKING:
    from naswot.spaces.resnet.network import Network


def build(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network of `arch` with `classes` outputs.

    Raises:
        NaswotError: `arch` is malformed.
    """
    from naswot.spaces.resnet.network import Network

    return Network(parse(arch), classes)


SPACE = ChoiceSpace(
    name="resnet",
    title="ResNet",
    draw=GRAMMAR.draw,
    build=build,
    count=count,
    diagram=Later("naswot.spaces.resnet.diagram:diagram"),
    about=(
        "Depth, width, kernel and kind of block (basic, bottleneck, with groups) vary in each of "
        "four stages, and the width of the stem.",
    ),
    fit=fit_halvings,
)
