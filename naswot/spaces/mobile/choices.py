"""The mobile spaces that a search can draw from."""

from typing import TYPE_CHECKING

from naswot.spaces.choices import ChoiceSpace
from naswot.spaces.grammar import fit_halvings
from naswot.spaces.mobile.architecture import GRAMMARS, parse
from naswot.spaces.mobile.counting import count
from naswot.spaces.space import Later

if TYPE_CHECKING:
    from naswot.spaces.mobile.network import Network

ABOUT = (
    "Depth, width, kernel, expansion and squeeze-and-excitation vary in each of five stages, and "
    "the widths of stem and head."
)


def build(arch: str, classes: int = 1) -> "Network":
    """Build the untrained network of `arch` with `classes` outputs.

    Raises:
        NaswotError: `arch` is malformed.
    """
    from naswot.spaces.mobile.network import Network

    return Network(parse(arch), classes)


def _space(name: str, title: str, activations: str) -> ChoiceSpace:
    return ChoiceSpace(
        name=name,
        title=title,
        draw=GRAMMARS[name].draw,
        build=build,
        count=count,
        diagram=Later("naswot.spaces.mobile.diagram:diagram"),
        about=(ABOUT, activations),
        fit=fit_halvings,
    )


SPACES = (
    _space("mobile", "Mobile", "All activations are ReLUs."),
    _space(
        "mobile_hswish",
        "Mobile, hard-swish",
        "All activations are hard-swishes, but for one ReLU in each squeeze-and-excitation. So "
        "scores of ReLUs, such as naswot, say nothing of these networks; activation_codes does.",
    ),
)
