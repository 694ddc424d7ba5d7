"""Import what a user names: MODULE:FUNCTION, in the current folder or installed."""

import difflib
import importlib
import sys
from pathlib import Path
from typing import Any

from naswot.errors import NaswotError


def find_callable(path: str, kind: str, example: str) -> Any:
    """Return the callable that `path`, MODULE:FUNCTION, names; the current folder comes first.

    Args:
        path: the name.
        kind: what is named, such as "factory", for messages.
        example: a name that would be right, for messages.

    Raises:
        NaswotError: the module cannot be imported, or has no such callable.
    """
    module_name, attribute = parts_of(path, kind, example)
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module_name)  # noqa: TID251, the user's own code
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise _not_imported(module_name, error) from error
        raise NaswotError(
            f"There is no module {error.name!r}, neither in {Path.cwd()} nor installed, so the "
            f"{kind} {path} cannot be used. Check the name, or install the package."
        ) from error
    except (Exception, SystemExit) as error:  # importing a module can raise anything
        raise _not_imported(module_name, error) from error
    for part in attribute.split("."):
        owner = found
        try:
            found = getattr(owner, part, None)
        except (Exception, SystemExit) as error:  # a module may compute its attributes
            raise _not_imported(module_name, error) from error
        if found is None:
            close = difflib.get_close_matches(part, dir(owner), n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise NaswotError(f"{path}: {module_name} has no {attribute!r}.{meant}")
    if not callable(found):
        raise NaswotError(
            f"{path} is a {type(found).__name__}, which cannot be called. Name a function or class."
        )
    return found


def parts_of(path: str, kind: str, example: str) -> tuple[str, str]:
    """Return the module and the function that `path` names; arguments as for `find_callable`.

    Raises:
        NaswotError: `path` has another form.
    """
    module_name, colon, attribute = path.partition(":")
    if not colon or not attribute or not module_name or "/" in module_name:
        raise NaswotError(
            f"{path!r} does not name a {kind}. Write PACKAGE.MODULE:{kind.upper()}, e.g. {example}."
        )
    if module_name.endswith(".py"):
        raise NaswotError(
            f"{module_name} is a file; write the module's name: {module_name[:-3]}:{attribute}."
        )
    return module_name, attribute


def _not_imported(module: str, error: BaseException) -> NaswotError:
    text = " ".join(str(error).split())
    return NaswotError(
        f"The module {module} cannot be imported ({type(error).__name__}: {text}). Fix it first; "
        "--traceback shows the place."
    )
