"""Make the diagram of an architecture, and find the spaces that an architecture belongs to.

Each space has its own drawing function (`Space.diagram`). This module is separate, so that scores
do not depend on drawings: after an edit here, figures are drawn again and nothing is scored again.
"""

from naswot.errors import NaswotError
from naswot.spaces import SPACES, Space
from naswot.spaces.graph import Diagram


def diagram_of(space: Space, arch: str) -> Diagram:
    """Return the diagram of an architecture, written as in its benchmark table.

    A custom space has one if its Python file has a function ``diagram(arch)`` that returns a
    `naswot.spaces.graph.Diagram`.

    Raises:
        NaswotError: the architecture is not in the space, or the space is custom and has no
            function ``diagram``.
    """
    space.canonical(arch)  # raises if the architecture is not in this space
    return space.diagram(arch, space.title)


def spaces_of(arch: str) -> list[str]:
    """Return the names of the built-in spaces that `arch` can be an architecture of.

    Raises:
        NaswotError: there is none. If `arch` has the form of one space, this space's message says
            what is wrong.
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
    if len(faults) == 1:  # all spaces of this form report the same fault
        raise next(iter(faults.values()))
    shown = arch if len(arch) <= 60 else f"{arch[:59]}…"
    titles: dict[str, list[str]] = {}
    for space in SPACES.values():
        if space.form is not None:
            titles.setdefault(space.form, []).append(space.title)
    known = ", ".join(
        f"{form} ({first}{f' and {len(others)} more' if others else ''})"
        for form, (first, *others) in titles.items()
    )
    raise NaswotError(
        f"{shown!r} is not an architecture of any space: {known}. Put it in quotation marks; for a "
        "custom space name it with --space."
    )
