"""The choices that make an architecture of TransNAS-Bench-101."""

from naswot.spaces.choices import ChoiceSpace, Choose
from naswot.spaces.transnas import MACRO, MICRO
from naswot.spaces.transnas.architecture import (
    DEPTHS,
    DOUBLE,
    DOUBLINGS,
    EDGES,
    HALVE,
    HALVINGS,
    KINDS,
    OPERATIONS,
    macro_string,
    micro_string,
)
from naswot.spaces.transnas.counting import count_macro, count_micro


def draw_micro(choose: Choose) -> str:
    """Return the micro architecture of six chosen operations."""
    chosen = (choose(f"edge_{source}_{target}", OPERATIONS) for source, target in EDGES)
    return micro_string(tuple(map(str, chosen)))


def draw_macro(choose: Choose) -> str:
    """Return the macro architecture of 4 to 6 chosen kinds of modules.

    A module's options are the kinds after which the later ones can make an architecture of it.
    """
    depth = int(choose("depth", DEPTHS))
    kinds: list[int] = []
    for number in range(1, depth + 1):
        options = [kind for kind in KINDS if _leads_on([*kinds, kind], depth - number)]
        kinds.append(int(choose(f"module_{number}", options)))
    return macro_string(tuple(kinds))


def _leads_on(kinds: list[int], left: int) -> bool:
    """Return whether `left` more modules can make the numbers of doublings and halvings right."""
    return all(
        (done := sum(kind in which for kind in kinds)) <= max(allowed)
        and done + left >= min(allowed)
        for which, allowed in ((DOUBLE, DOUBLINGS), (HALVE, HALVINGS))
    )


SPACES = (
    ChoiceSpace(
        name=MICRO.name,
        title=MICRO.title,
        draw=draw_micro,
        build=MICRO.build,
        count=count_micro,
        diagram=MICRO.diagram,
        about=(
            "The cell varies: one of four operations on each of six edges. Depth and width do not.",
            "The network halves the resolution five times: it is made for images of 256×256.",
        ),
    ),
    ChoiceSpace(
        name=MACRO.name,
        title=MACRO.title,
        draw=draw_macro,
        build=MACRO.build,
        count=count_macro,
        diagram=MACRO.diagram,
        about=(
            "Depth varies, and where channels double and the resolution is halved. The block does "
            "not.",
            "The network halves the resolution three to six times: it is made for images of "
            "256×256.",
        ),
    ),
)
