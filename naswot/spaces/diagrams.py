"""What an architecture looks like, and which space an architecture is of.

Each space has its drawing (`Space.diagram`); this module stands apart, so that scores do not depend
on drawings: an edit there draws anew and scores nothing.
"""

from naswot.errors import NaswotError
from naswot.spaces import SPACES, Space
from naswot.spaces.graph import Diagram


def diagram_of(space: Space, arch: str) -> Diagram:
    """Return the diagram of an architecture, written as in its benchmark table.

    A custom space has one if its Python file has a function ``diagram(arch)`` that returns a
    `naswot.spaces.graph.Diagram`.

    Raises:
        NaswotError: the architecture is not of the space, or the space is custom and says nothing
            of what its networks look like.
    """
    space.canonical(arch)  # checks that it is of this very space
    return space.diagram(arch, space.title)


def spaces_of(arch: str) -> list[str]:
    """Return the spaces that `arch` can be an architecture of; custom spaces are not looked at.

    Raises:
        NaswotError: there is none. The message is that of the space whose form `arch` has, if any.
    """
    found, faults = [], {}
    for space in SPACES.values():
        if space.recognises is not None and space.recognises(arch.strip()):
            try:
                space.canonical(arch)
                found.append(space.name)
            except NaswotError as error:
                faults[str(error)] = error
    if found:
        return found
    if len(faults) == 1:  # all agree
        raise next(iter(faults.values()))
    shown = arch if len(arch) <= 60 else f"{arch[:59]}…"
    raise NaswotError(
        f"{shown!r} is not an architecture of any space: |op~0|+|op~0|op~1|+… (nasbench201), "
        '64:24:56:48:24 (natsbench_sss), {"matrix": …, "ops": …} (nasbench101), {"searchspace": …, '
        '"net": …} or {"block_type": …} (NDS). Put it in quotation marks; for a custom space '
        "name it with --space."
    )
