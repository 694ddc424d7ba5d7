"""The spaces that a search can draw from, by name, and how a text on the command line names one.

Each built-in space stands in the module `choices` of its package. No module here imports torch
before a network is built.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from naswot.errors import NaswotError
from naswot.spaces.choices import ChoiceSpace
from naswot.spaces.choices_file import space_of_file
from naswot.spaces.mobile import choices as mobile
from naswot.spaces.nasbench101 import choices as nasbench101
from naswot.spaces.nasbench201 import choices as nasbench201
from naswot.spaces.nasbenchmacro import choices as nasbenchmacro
from naswot.spaces.nds import choices as nds
from naswot.spaces.resnet import choices as resnet
from naswot.spaces.transnas import choices as transnas

CHOICE_SPACES: Mapping[str, ChoiceSpace] = MappingProxyType(
    {
        space.name: space
        for space in (
            *mobile.SPACES,
            resnet.SPACE,
            *nasbench201.SPACES,
            nasbench101.SPACE,
            nasbenchmacro.SPACE,
            *nds.SPACES,
            *transnas.SPACES,
        )
    }
)


def choice_space(text: str) -> ChoiceSpace:
    """Return the space that `text` names: one of `CHOICE_SPACES`, or a Python file (…/space.py).

    Raises:
        NaswotError: there is no such space or file; SpaceError: the file does not describe a space.
    """
    if text in CHOICE_SPACES:
        return CHOICE_SPACES[text]
    if text.endswith(".py"):
        path = Path(text)
        if not path.is_file():
            raise NaswotError(f"There is no file {text}, which was named as a search space.")
        return space_of_file(path)
    close = difflib.get_close_matches(text, CHOICE_SPACES, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise NaswotError(
        f"There is no search space {text!r}.{hint} Name one of {', '.join(CHOICE_SPACES)}, or a "
        "Python file that ends in .py (docs/reference/search_spaces.md)."
    )
