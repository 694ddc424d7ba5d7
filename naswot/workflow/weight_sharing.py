"""Say what searches with shared weights a configuration asks for."""

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from naswot.errors import NaswotError, shown
from naswot.images.labelled import NATURAL
from naswot.search import METHODS as BUDGETED
from naswot.search.sampling import SAMPLINGS
from naswot.supernet import METHODS
from naswot.supernet.protocol import planned

SECTION = "supernet"


def searches(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return name → `method` and `changes`, other values of the protocol's fields."""
    about = config[SECTION]
    natural = {"augment": about["images"] in NATURAL}
    found = {}
    for name, own in about["searches"].items():
        if own is not None:
            changes = {key: value for key, value in own.items() if key != "method"}
            parts = [one["controller"] for one in (about["settings"], own) if "controller" in one]
            changes = natural | about["settings"] | changes
            if parts:
                changes["controller"] = dict(ChainMap(*reversed(parts)))
            found[name] = {"method": own.get("method", name), "changes": changes}
    return found


def check(config: Mapping[str, Any]) -> None:
    """Check the section of a configuration whose form is right.

    Raises:
        NaswotError: there is no search, or a name is that of another search or of no method.
    """
    found = searches(config)
    if not found:
        raise NaswotError(f"configuration: {SECTION}.searches has no search that is not null.")
    for name, about in found.items():
        where = f"configuration: {SECTION}.searches.{name}"
        if name in {**BUDGETED, **SAMPLINGS}:
            raise NaswotError(f"{where}: another search has this name; choose a new one.")
        if about["method"] not in METHODS:
            raise NaswotError(
                f"{where}: {shown(about['method'])} is not a method; name one as `method`: "
                f"{', '.join(METHODS)}."
            )
        try:
            planned(about["method"], config[SECTION]["protocol"], about["changes"], 2)
        except NaswotError as error:
            raise NaswotError(f"{where}: {error}") from error
