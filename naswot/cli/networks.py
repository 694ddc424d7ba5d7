"""Find what builds the networks that a command names: a function, a YAML list, an architecture."""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from naswot.errors import NaswotError, shown
from naswot.io.user_code import find_callable, parts_of
from naswot.io.yaml import parse_yaml, read_yaml

# What is named, and examples, for messages.
FACTORY = "factory", "torchvision.models:resnet18, or mynets:small for `small` in mynets.py here"
LIST_KEYS = ("name", "factory", "arguments")


def entries_of(options: argparse.Namespace) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return name → factory and arguments, for all requested networks."""
    shared = factory_arguments(options.factory_args)
    listed = [(name, name, shared) for name in options.factories]
    if options.list is not None:
        listed += read_list(options.list)
    entries: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, factory, arguments in listed:
        if name in entries:
            raise NaswotError(f"Two networks are called {name}. Give one another name in a --list.")
        parts_of(factory, *FACTORY, files=True)
        entries[name] = factory, arguments
    return entries


def model_of(factory: str, arguments: dict[str, Any], fail_fast: bool) -> Any:
    """Return the callable that builds a network; if there is none, a `Missing` with the error."""
    from torch import nn

    from naswot.scores.ranking import Missing

    try:
        found = find_callable(factory, *FACTORY, files=True)
        if arguments and isinstance(found, nn.Module):
            raise NaswotError(
                f"{factory} is an existing network, not a factory; it takes no arguments."
            )
    except NaswotError as error:
        if fail_fast:
            raise
        return Missing(error)
    return functools.partial(found, **arguments) if arguments else found


def factory_arguments(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the arguments in KEY=VALUE texts, with values as in YAML."""
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
