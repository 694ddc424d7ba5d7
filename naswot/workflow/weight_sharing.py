"""Say what searches with shared weights a configuration asks for."""

from collections.abc import Mapping
from typing import Any

from naswot.errors import NaswotError, shown
from naswot.search import METHODS as BUDGETED
from naswot.search.sampling import SAMPLINGS
from naswot.supernet import METHODS
from naswot.supernet.protocol import PUBLISHED, changed

SECTION = "supernet"
SPACE = "nasbench201"


def searches(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return name → `method` and `changes`, other values of the protocol's fields."""
    about = config[SECTION]
    found = {}
    for name, own in about["searches"].items():
        if own is not None:
            changes = {key: value for key, value in own.items() if key != "method"}
            method = own.get("method", name)
            found[name] = {"method": method, "changes": about["settings"] | changes}
    return found


def check(config: Mapping[str, Any]) -> None:
    """Check the section of a configuration whose form is right.

    Raises:
        NaswotError: a name is that of another search or of no method, or a setting is unknown.
    """
    for name, about in searches(config).items():
        where = f"configuration: {SECTION}.searches.{name}"
        if name in {**BUDGETED, **SAMPLINGS}:
            raise NaswotError(f"{where}: another search has this name; choose a new one.")
        if about["method"] not in METHODS:
            raise NaswotError(
                f"{where}: {shown(about['method'])} is not a method; name one as `method`: "
                f"{', '.join(METHODS)}."
            )
        try:
            changed(PUBLISHED[about["method"]], about["changes"])
        except NaswotError as error:
            raise NaswotError(f"{where}: {error}") from error
