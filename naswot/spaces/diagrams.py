"""Which function draws a space's architectures, and which space an architecture is of.

This registry stands apart from `naswot.spaces`, so that scores do not depend on drawings: an edit
here draws anew and scores nothing.
"""

from collections.abc import Callable

from naswot.errors import NaswotError
from naswot.spaces import SPACES, Space, nds
from naswot.spaces.custom import custom_diagram
from naswot.spaces.graph import Diagram
from naswot.spaces.nasbench101 import diagram as nasbench101
from naswot.spaces.nasbench201 import diagram as nasbench201
from naswot.spaces.nds import diagram as nds_diagram

# Space → function of an architecture and the space's title.
DIAGRAMS: dict[str, Callable[[str, str], Diagram]] = {
    "nasbench201": nasbench201.topology_diagram,
    "natsbench_sss": nasbench201.size_diagram,
    "nasbench101": nasbench101.diagram,
    "nasbench301": nds_diagram.diagram,
    **dict.fromkeys(nds.SPACES_NDS, nds_diagram.diagram),
}


def diagram_of(space: Space, arch: str) -> Diagram:
    """Return the diagram of an architecture, written as in its benchmark table.

    A custom space has one if its Python file has a function ``diagram(arch)`` that
    returns a `naswot.spaces.graph.Diagram`.

    Raises:
        NaswotError: the architecture is not of the space, or the space is custom and says
            nothing of what its networks look like.
    """
    if space.file is not None:
        return custom_diagram(space, arch)
    space.canonical(arch)  # checks that it is of this very space
    return DIAGRAMS[space.like or space.name](arch, space.title)


def spaces_of(arch: str) -> list[str]:
    """Return the spaces that `arch` can be an architecture of; custom spaces are not looked at.

    Raises:
        NaswotError: there is none. The message is that of the space whose form `arch` has, if any.
    """
    text = arch.strip()
    if "~" in text or text.startswith("|"):
        candidates = ["nasbench201"]
    elif not text.startswith("{"):
        candidates = ["natsbench_sss"] if ":" in text else []
    elif '"matrix"' in text:
        candidates = ["nasbench101"]
    elif '"searchspace"' in text or '"block_type"' in text:
        nds.parse(arch)
        candidates = list(nds.SPACES_NDS)
    else:
        candidates = []
    found, faults = [], []
    for name in candidates:
        try:
            SPACES[name].canonical(arch)
            found.append(name)
        except NaswotError as error:
            faults.append(error)
    if "nds_darts" in found:
        found.append("nasbench301")  # which is written in the same way
    if found:
        return found
    if len(faults) == 1:
        raise faults[0]
    shown = arch if len(arch) <= 60 else f"{arch[:59]}…"
    raise NaswotError(
        f"{shown!r} is not an architecture of any space: |op~0|+|op~0|op~1|+… (nasbench201), "
        '64:24:56:48:24 (natsbench_sss), {"matrix": …, "ops": …} (nasbench101), {"searchspace": …, '
        '"net": …} or {"block_type": …} (NDS). Put it in quotation marks; for a custom space '
        "name it with --space."
    )
