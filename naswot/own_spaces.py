"""Search spaces of the user's own: a Python file that builds networks and a CSV of accuracies.

The Python file has a function ``build(arch, classes)``, or ``build(arch)``, that returns the
untrained network of an architecture string. The CSV file has a row an architecture: ``arch`` and
accuracies in percent under keys ``data/split/epochs``, such as ``flowers/test/90``; other columns
are carried along.

The Python file may also say what an architecture is made of, for searches: ``genes(arch)`` returns
a tuple or list of independent choices, texts or numbers, as many for every architecture. And what
its networks look like: ``diagram(arch)`` returns a `naswot.spaces.graph.Diagram`.
"""

import functools
import importlib.util
import inspect
import symtable
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd

from naswot.benchmarks.datasets import OWN, Dataset, set_datasets
from naswot.benchmarks.sources import SOURCES, Source
from naswot.benchmarks.table import ACCURACY_KEY
from naswot.errors import NaswotError
from naswot.spaces import SPACES, Space

if TYPE_CHECKING:
    from torch import nn

    from naswot.spaces.graph import Diagram


def register(spaces: Mapping[str, Mapping[str, str]]) -> None:
    """Make spaces known to this process, as `own_spaces` in the configuration describes them.

    Args:
        spaces: name → ``networks``, the Python file; ``accuracies``, the CSV file; ``title``,
            optional.

    Raises:
        NaswotError: a name is taken, or a file is missing or has not the form above.
    """
    for name, about in spaces.items():
        if name in SPACES and SPACES[name].file is None:
            raise NaswotError(f"own_spaces.{name}: there is a space of this name; choose another.")
        networks, accuracies = (_existing(name, about, key) for key in ("networks", "accuracies"))
        title = about.get("title", name)
        table = _table(accuracies)
        architectures = tuple(table["arch"])
        SPACES[name] = Space(
            name=name,
            title=title,
            size=len(architectures),
            unique=None,
            architectures=lambda architectures=architectures: architectures,
            canonical=str,
            build=partial(_build, networks),
            benchmark_params=partial(_params, networks),
            genes=partial(_genes, networks) if _defines(networks, "genes") else None,
            file=str(networks),
        )
        SOURCES[name] = (Source(str(accuracies), _read, f"accuracies of {title}", "the user's"),)
        set_datasets(name, _dataset(table, accuracies))


def _existing(name: str, about: Mapping[str, str], key: str) -> Path:
    path = Path(about[key]).expanduser().resolve()
    if not path.is_file():
        raise NaswotError(f"own_spaces.{name}.{key} = {about[key]!r}: there is no such file.")
    return path


def _table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"arch": str})
    except (OSError, ValueError) as error:
        raise NaswotError(f"{path} is not a readable CSV file ({error}).") from error
    if "arch" not in table or table["arch"].isna().any():
        raise NaswotError(f"{path} needs a column 'arch' with an architecture in each row.")
    if "index" in table:
        raise NaswotError(f"{path} has a column 'index'; rows are counted, so rename it.")
    return table


def _dataset(table: pd.DataFrame, path: Path) -> Dataset:
    """Return what is reported: the first accuracy on validation and on test images."""
    keys = [key for key in table.columns if ACCURACY_KEY.fullmatch(key)]
    if not keys:
        raise NaswotError(
            f"{path} has no accuracy column of the form data/split/epochs, such as "
            f"'flowers/test/90'; it has {', '.join(table.columns)}."
        )
    valid = next((key for key in keys if "val" in key.split("/")[1]), None)
    test = next((key for key in keys if key != valid and "test" in key.split("/")[1]), None)
    return Dataset(OWN, valid, test or next((key for key in keys if key != valid), keys[0]))


def _read(path: Path) -> pd.DataFrame:
    table = _table(path)
    return table.assign(index=range(len(table)))


def _defines(path: Path, name: str) -> bool:
    """Whether a Python file gives `name` a meaning; without running it, to plan at no cost."""
    try:
        symbols = symtable.symtable(path.read_text(encoding="utf-8"), str(path), "exec")
        return symbols.lookup(name).is_assigned() or symbols.lookup(name).is_imported()
    except (KeyError, OSError, SyntaxError, ValueError):
        return False  # who builds its networks is told what is wrong with the file


@functools.cache
def _module(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"naswot_own_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(path.parent))  # it may import its neighbours, now or when it builds
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        kind = type(error).__name__
        raise NaswotError(f"{path} cannot be imported ({kind}: {error}).") from error
    return module


@functools.cache
def _function(path: Path) -> Callable[..., "nn.Module"]:
    """Return the function `build` of a file, taking an architecture and a number of classes."""
    build = getattr(_module(path), "build", None)
    if not callable(build):
        raise NaswotError(f"{path} has no function build(arch).")
    if "classes" in inspect.signature(build).parameters:
        return build
    return lambda arch, classes: build(arch)


def _build(path: Path, arch: str, classes: int = 1) -> "nn.Module":
    from torch import nn

    build = _function(path)
    try:
        network = build(arch, classes=classes)
    except Exception as error:
        raise NaswotError(
            f"{path}: build({arch!r}) failed ({type(error).__name__}: {error})."
        ) from error
    if not isinstance(network, nn.Module):
        raise NaswotError(
            f"{path}: build({arch!r}) returned a {type(network).__name__}, not a torch.nn.Module."
        )
    return network


def _genes(path: Path, arch: str) -> tuple:
    """Return the choices that make up `arch`, as the user's file has them."""
    genes = getattr(_module(path), "genes", None)
    try:
        choices = genes(arch)
        if not isinstance(choices, (tuple, list)) or not choices:
            raise TypeError(f"it returned {choices!r}, not a tuple or list of choices")
        hash(tuple(choices))
    except Exception as error:
        kind = type(error).__name__
        raise NaswotError(f"{path}: genes({arch!r}) failed ({kind}: {error}).") from error
    return tuple(choices)


def own_diagram(space: Space, arch: str) -> "Diagram":
    """Return what `arch` of a space of the user's own looks like, as the user's file has it.

    Raises:
        NaswotError: the file does not say, or fails.
    """
    from naswot.spaces.graph import Diagram

    path = Path(space.file)
    draw = getattr(_module(path), "diagram", None)
    if not callable(draw):
        raise NaswotError(
            f"{path} has no function diagram(arch), so nothing is known of what networks of "
            f"{space.name} look like. Let one return a naswot.spaces.graph.Diagram "
            "(docs/figures.md has an example)."
        )
    try:
        drawn = draw(arch)
    except Exception as error:
        kind = type(error).__name__
        raise NaswotError(f"{path}: diagram({arch!r}) failed ({kind}: {error}).") from error
    if not isinstance(drawn, Diagram):
        raise NaswotError(
            f"{path}: diagram({arch!r}) returned a {type(drawn).__name__}, not a "
            "naswot.spaces.graph.Diagram."
        )
    return drawn


def _params(path: Path, arch: str) -> int:
    parameters: Any = _build(path, arch, 10).parameters()
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
