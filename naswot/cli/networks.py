"""Find what builds the networks that a command names: PACKAGE.MODULE:FACTORY, or a YAML list."""

import argparse
import difflib
import functools
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from naswot.errors import NaswotError, shown
from naswot.io.yaml import parse_yaml, read_yaml

LIST_KEYS = ("name", "factory", "arguments")


def entries_of(options: argparse.Namespace) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return name → factory and arguments, for all requested networks."""
    shared = _factory_arguments(options.factory_args)
    listed = [(name, name, shared) for name in options.factories]
    if options.list is not None:
        listed += read_list(options.list)
    entries: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, factory, arguments in listed:
        if name in entries:
            raise NaswotError(f"Two networks are called {name}. Give one another name in a --list.")
        _parts(factory)
        entries[name] = factory, arguments
    return entries


def model_of(factory: str, arguments: dict[str, Any], fail_fast: bool) -> Any:
    """Return the callable that builds a network; if there is none, a `Missing` with the error."""
    from torch import nn

    from naswot.scores.ranking import Missing

    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = find_factory(factory)
        if arguments and isinstance(found, nn.Module):
            raise NaswotError(
                f"{factory} is an existing network, not a factory; it takes no arguments."
            )
    except NaswotError as error:
        if fail_fast:
            raise
        return Missing(error)
    return functools.partial(found, **arguments) if arguments else found


def _factory_arguments(pairs: Sequence[str]) -> dict[str, Any]:
    arguments = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise NaswotError(
                f"--factory-args: {pair!r} is not KEY=VALUE. (Networks come before --factory-args.)"
            )
        try:
            arguments[key] = parse_yaml(value)
        except ValueError as error:
            raise NaswotError(f"--factory-args: the value in {pair!r} is not YAML.") from error
    return arguments


def read_list(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (name, factory, arguments) of each network in a YAML list.

    An entry is `PACKAGE.MODULE:FACTORY`, or a mapping with `factory` and, optionally, `name` and
    `arguments`.

    Raises:
        NaswotError: the file cannot be read, or an entry has another form.
    """
    entries = read_yaml(path)
    if not isinstance(entries, list) or not entries:
        raise NaswotError(f"{path} is not a list of networks; `naswot score --help` shows one.")
    found = []
    for number, entry in enumerate(entries, start=1):
        about = {"factory": entry} if isinstance(entry, str) else entry
        if not isinstance(about, dict) or not isinstance(about.get("factory"), str):
            raise NaswotError(f"{path}: network {number} lacks `factory: PACKAGE.MODULE:FACTORY`.")
        unknown = [key for key in about if key not in LIST_KEYS]
        if unknown:
            raise NaswotError(
                f"{path}: network {number} has {shown(unknown[0])}; it can have "
                f"{', '.join(LIST_KEYS)}."
            )
        arguments = about.get("arguments") or {}
        if not isinstance(arguments, dict) or not all(isinstance(key, str) for key in arguments):
            raise NaswotError(f"{path}: arguments of network {number} must map names to values.")
        name = about.get("name", about["factory"])
        if not isinstance(name, (str, int, float)):
            raise NaswotError(f"{path}: the name of network {number} is {shown(name)}, not text.")
        found.append((str(name), about["factory"], arguments))
    return found


def find_factory(path: str) -> Any:
    """Return the callable that `path`, PACKAGE.MODULE:FACTORY, names.

    Raises:
        NaswotError: the module cannot be imported, or has no such callable.
    """
    module_name, attribute = _parts(path)
    try:
        found: Any = importlib.import_module(module_name)  # noqa: TID251, the user's own code
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise _not_imported(module_name, error) from error
        raise NaswotError(
            f"There is no module {error.name!r}, neither in {Path.cwd()} nor installed, so "
            f"{path} cannot be scored. Check the name, or install the package."
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
            f"{path} is a {type(found).__name__}, which cannot be called. Name a function or class "
            "that builds a network."
        )
    return found


def _parts(path: str) -> tuple[str, str]:
    """Return the module and the factory that `path` names.

    Raises:
        NaswotError: `path` has another form.
    """
    module_name, colon, attribute = path.partition(":")
    if not colon or not attribute or not module_name or "/" in module_name:
        raise NaswotError(
            f"{path!r} does not name a factory. Write PACKAGE.MODULE:FACTORY, e.g. "
            "torchvision.models:resnet18, or mynets:small for `small` in mynets.py here."
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
