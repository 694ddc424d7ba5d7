"""Custom search spaces: networks that a Python file of the user builds.

The file has a function ``build(arch, classes)``, or ``build(arch)``, that returns the untrained
network of an architecture string. Two functions are optional. ``genes(arch)``, for searches,
returns the encoding of an architecture: a tuple or list of independent choices, texts or numbers,
equally many for every architecture. ``diagram(arch)``, for figures, returns a
`naswot.spaces.graph.Diagram`.
"""

import functools
import inspect
import symtable
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from naswot.errors import NaswotError, SpaceError
from naswot.io.user_code import import_file
from naswot.spaces.space import Space

if TYPE_CHECKING:
    from torch import nn

    from naswot.spaces.graph import Diagram


def custom_space(name: str, path: Path) -> Space:
    """Return the space of a Python file that builds networks; it lists no architectures."""
    return Space(
        name=name,
        title=name,
        size=None,
        unique=None,
        architectures=None,
        canonical=str,
        build=partial(_build, path),
        benchmark_params=partial(_params, path),
        diagram=partial(_diagram, path, name),
        genes=partial(_genes, path) if _defines(path, "genes") else None,
        file=str(path),
    )


def _defines(path: Path, name: str) -> bool:
    """Return whether a Python file defines or imports `name`, without running the file."""
    try:
        symbols = symtable.symtable(path.read_text(encoding="utf-8"), str(path), "exec")
        return symbols.lookup(name).is_assigned() or symbols.lookup(name).is_imported()
    except (KeyError, MemoryError, OSError, RecursionError, SyntaxError, ValueError):
        return False  # building a network reports what is wrong with the file


@functools.cache
def user_module(path: Path) -> ModuleType:
    """Return a Python file of the user as a module; a file is imported once.

    Raises:
        SpaceError: it cannot be imported.
    """
    try:
        return import_file(path)
    except NaswotError as error:
        raise SpaceError(str(error)) from error


@functools.cache
def _function(path: Path) -> Callable[..., "nn.Module"]:
    """Return a file's function `build` as a function of architecture and number of classes."""
    build = getattr(user_module(path), "build", None)
    if not callable(build):
        raise SpaceError(f"{path} has no function build(arch).")
    if "classes" in inspect.signature(build).parameters:
        return build
    return lambda arch, classes: build(arch)


def _build(path: Path, arch: str, classes: int = 1) -> "nn.Module":
    build = _function(path)
    return made_network(path, f"build({arch!r})", partial(build, arch, classes=classes))


def made_network(path: Path, call: str, make: Callable[[], Any]) -> "nn.Module":
    """Return the network that a function of the user's file makes.

    Args:
        path: the file.
        call: the call of the function, for messages.
        make: calls it.

    Raises:
        NaswotError: it fails, or returns something else.
    """
    from torch import nn

    try:
        network = make()
    except (Exception, SystemExit) as error:
        raise NaswotError(f"{path}: {call} failed ({type(error).__name__}: {error}).") from error
    if not isinstance(network, nn.Module):
        raise NaswotError(
            f"{path}: {call} returned a {type(network).__name__}, not a torch.nn.Module."
        )
    return network


def _genes(path: Path, arch: str) -> tuple:
    """Return the encoding of `arch` by the user's function `genes`."""
    genes: Any = getattr(user_module(path), "genes", None)
    try:
        choices = genes(arch)
        if not isinstance(choices, (tuple, list)) or not choices:
            raise TypeError(f"it returned {choices!r}, not a tuple or list of choices")
        hash(tuple(choices))
    except Exception as error:
        kind = type(error).__name__
        raise NaswotError(f"{path}: genes({arch!r}) failed ({kind}: {error}).") from error
    return tuple(choices)


def _diagram(path: Path, name: str, arch: str, title: str) -> "Diagram":
    """Return the diagram of `arch` by the user's function `diagram`."""
    draw = getattr(user_module(path), "diagram", None)
    if not callable(draw):
        raise NaswotError(
            f"{path} has no function diagram(arch), so networks of {name} cannot be drawn. Add "
            "one that returns a naswot.spaces.graph.Diagram (docs/reference/figures.md has an "
            "example)."
        )
    return made_diagram(path, f"diagram({arch!r})", partial(draw, arch))


def made_diagram(path: Path, call: str, make: Callable[[], Any]) -> "Diagram":
    """Return the diagram that a function of the user's file makes; as `made_network`."""
    from naswot.spaces.graph import Diagram

    try:
        drawn = make()
    except Exception as error:
        raise NaswotError(f"{path}: {call} failed ({type(error).__name__}: {error}).") from error
    if not isinstance(drawn, Diagram):
        raise NaswotError(
            f"{path}: {call} returned a {type(drawn).__name__}, not a naswot.spaces.graph.Diagram."
        )
    return drawn


def _params(path: Path, arch: str) -> int:
    parameters: Any = _build(path, arch, 10).parameters()
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
