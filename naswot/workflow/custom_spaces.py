"""Custom search spaces: what builds their networks, and what these score when trained.

Networks are built by a Python file or as in one of the spaces that there are. Accuracies stand in a
CSV file, or the workflow trains the networks.

The Python file has a function ``build(arch, classes)``, or ``build(arch)``, that returns the
untrained network of an architecture string. The CSV file has a row an architecture: ``arch`` and
accuracies in percent under keys ``data/split/epochs``, such as ``flowers/test/90``; other columns
are carried along. It may be a Parquet file too, such as a benchmark table that was trained here.
Where networks are to be trained, a CSV file lists them in its column ``arch``, or some are drawn of
a space that can be listed.

The Python file may also say what an architecture is made of, for searches: ``genes(arch)`` returns
a tuple or list of independent choices, texts or numbers, as many for every architecture. And what
its networks look like: ``diagram(arch)`` returns a `naswot.spaces.graph.Diagram`.
"""

import dataclasses
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

from naswot.benchmarks.csv_files import read_csv
from naswot.benchmarks.datasets import CUSTOM, Dataset, set_datasets
from naswot.benchmarks.sources import SOURCES, Source
from naswot.benchmarks.table import accuracy_keys, check_numbers
from naswot.errors import NaswotError, SpaceError, shown
from naswot.io.parquet import read_parquet
from naswot.spaces import SPACES, Space
from naswot.spaces.sampling import order_architectures
from naswot.training.protocol import EVALUATED

if TYPE_CHECKING:
    from torch import nn

    from naswot.spaces.graph import Diagram


TAKEN = ("figure6",)  # what results of trainings are filed under besides spaces


def trained(name: str) -> str:
    """Return the file in which the workflow gathers what the networks of a space scored."""
    return f"results/trained/{name}.parquet"


def register(
    spaces: Mapping[str, Mapping[str, Any]],
    training: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> None:
    """Make spaces known to this process, as `custom_spaces` in the configuration describes them.

    Args:
        spaces: name → ``networks``, the Python file or the name of a space; ``title``, optional;
            and either ``accuracies``, the CSV or Parquet file, or ``train``, which networks the
            workflow is to train: a CSV file that lists them, or how many to draw.
        training: `training` in the configuration; None where nobody asks for accuracies.
        seed: of the draw.

    Raises:
        NaswotError: a name is taken, or a file is missing or has not the form above.
    """
    for name, about in spaces.items():
        _check_form(name, about)
        if name in TAKEN or (name in SPACES and not SPACES[name].custom):
            raise NaswotError(
                f"custom_spaces.{name}: there is a space of this name; choose another."
            )
        if ("accuracies" in about) == ("train" in about):
            raise NaswotError(
                f"custom_spaces.{name} needs either accuracies, a CSV file, or train, the networks "
                "to train."
            )
        space = _networks(name, about)
        title = about.get("title", name)
        if "accuracies" in about:
            path = _existing(name, about, "accuracies")
            table = _table(path)
            architectures = tuple(table["arch"])
            source = Source(str(path), _read, f"accuracies of {title}", "the user's")
            dataset = _dataset(table, path)
        else:
            architectures = _to_train(name, about["train"], space, seed)
            source = Source(trained(name), read_parquet, made=True)
            dataset = _to_be_known(training) if training else None
        SPACES[name] = dataclasses.replace(
            space,
            name=name,
            title=title,
            size=len(architectures),
            unique=None,
            architectures=lambda architectures=architectures: architectures,
            custom=True,
            like=None if space.file else space.name,
        )
        SOURCES[name] = (source,)
        if dataset is not None:
            set_datasets(name, dataset)


FORMS = {"networks": str, "accuracies": str, "train": (str, int), "title": str}


def _check_form(name: Any, about: Any) -> None:
    if not isinstance(name, str) or not isinstance(about, Mapping):
        raise NaswotError(f"custom_spaces: {shown(name)} is no name of a mapping.")
    for key, value in about.items():
        if key not in FORMS:
            known = ", ".join(FORMS)
            raise NaswotError(f"custom_spaces.{name} has {shown(key)}; it can have {known}.")
        if not isinstance(value, FORMS[key]) or isinstance(value, bool):
            raise NaswotError(f"custom_spaces.{name}.{key} = {shown(value)} is not allowed.")


def _to_be_known(training: Mapping[str, Any]) -> Dataset:
    """Return the accuracies that training will give."""
    valid, test = (f"{training['images']}/{part}/{training['epochs']}" for part in EVALUATED)
    return Dataset(CUSTOM, valid if training["valid_images"] else None, test)


def _networks(name: str, about: Mapping[str, Any]) -> Space:
    """Return the space whose networks `about` names, or a new one of the user's Python file."""
    if about["networks"] in SPACES and not SPACES[about["networks"]].custom:
        return SPACES[about["networks"]]
    path = _existing(name, about, "networks")
    return Space(
        name=name,
        title=name,
        size=None,
        unique=None,
        architectures=None,
        canonical=str,
        build=partial(_build, path),
        benchmark_params=partial(_params, path),
        genes=partial(_genes, path) if _defines(path, "genes") else None,
        file=str(path),
    )


def _to_train(name: str, which: int | str, space: Space, seed: int) -> tuple[str, ...]:
    """Return the architectures to train: those of a CSV file, or as many at random."""
    if isinstance(which, str):
        return _listed(_existing(name, {"train": which}, "train"), space)
    if space.architectures is None:
        raise NaswotError(
            f"custom_spaces.{name}.train = {which}: these networks are not listed to draw from; "
            "name a CSV file with a column 'arch'."
        )
    if which > space.size:
        raise NaswotError(
            f"custom_spaces.{name}.train = {which} is not allowed; {space.name} has {space.size:,} "
            "architectures."
        )
    drawn = order_architectures(space, space.architectures(), deduplicate=False, seed=seed)
    return tuple(drawn["arch"][:which])


def _listed(path: Path, space: Space) -> tuple[str, ...]:
    """Return the architectures of a CSV file, once they are seen to be fit for training."""
    architectures = tuple(_table(path)["arch"])
    if len(architectures) < 2:
        raise NaswotError(f"{path} lists {len(architectures)} architectures; two are the fewest.")
    first: dict[str, int] = {}
    for row, arch in enumerate(architectures, 1):
        if first.setdefault(arch, row) != row:
            raise NaswotError(
                f"{path}, row {row}: {shown(arch)} is there before, in row {first[arch]}; "
                "remove one."
            )
        try:
            space.canonical(arch)
        except NaswotError as error:
            raise NaswotError(f"{path}, row {row}: {error}") from None
    return architectures


def _existing(name: str, about: Mapping[str, Any], key: str) -> Path:
    try:
        path = Path(about[key]).expanduser().resolve()
        found = path.is_file()
    except (OSError, RuntimeError, ValueError):  # no user of that name, or no possible path
        found = False
    if not found:
        raise NaswotError(
            f"custom_spaces.{name}.{key} = {shown(about[key])}: there is no such file."
        )
    return path


def _read_file(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return read_parquet(path)
    if path.suffix in (".gz", ".bz2", ".xz", ".zip", ".zst"):
        raise ValueError("it is compressed; unpack it first")
    table = read_csv(path)
    for name in table:
        if pd.api.types.is_object_dtype(table[name]):  # numbers of more than 64 bits
            table[name] = table[name].astype(str)
    return table


def _table(path: Path) -> pd.DataFrame:
    try:
        table = _read_file(path)
    except (OSError, OverflowError, ValueError) as error:
        problem = str(error)[:400]
        raise NaswotError(f"{path} is not a readable CSV file ({problem}).") from error
    if "arch" not in table or table["arch"].isna().any():
        raise NaswotError(f"{path} needs a column 'arch' with an architecture in each row.")
    if "index" in table and list(table["index"]) != list(range(len(table))):
        raise NaswotError(
            f"{path} has a column 'index' that does not count its rows from 0; rename it."
        )
    check_numbers(table, str(path))
    return table


def _dataset(table: pd.DataFrame, path: Path) -> Dataset:
    """Return what is reported: the first accuracy on validation and on test images."""
    keys = accuracy_keys(table)
    if not keys:
        raise NaswotError(
            f"{path} has no accuracy column of the form data/split/epochs, such as "
            f"'flowers/test/90'; it has {', '.join(table.columns)[:400]}."
        )
    if table[keys].nunique().max() < 2:
        raise NaswotError(
            f"{path} has no column with two different accuracies, so no score can be correlated "
            "with them."
        )
    valid = next((key for key in keys if "val" in key.split("/")[1]), None)
    test = next((key for key in keys if key != valid and "test" in key.split("/")[1]), None)
    return Dataset(CUSTOM, valid, test or next((key for key in keys if key != valid), keys[0]))


def _read(path: Path) -> pd.DataFrame:
    table = _table(path)
    return table.assign(index=range(len(table)))


def _defines(path: Path, name: str) -> bool:
    """Whether a Python file gives `name` a meaning; without running it, to plan at no cost."""
    try:
        symbols = symtable.symtable(path.read_text(encoding="utf-8"), str(path), "exec")
        return symbols.lookup(name).is_assigned() or symbols.lookup(name).is_imported()
    except (KeyError, MemoryError, OSError, RecursionError, SyntaxError, ValueError):
        return False  # who builds its networks is told what is wrong with the file


@functools.cache
def _module(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"naswot_custom_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(path.parent))  # it may import its neighbours, now or when it builds
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a file may do anything when it is imported
        kind = type(error).__name__
        raise SpaceError(f"{path} cannot be imported ({kind}: {error}).") from error
    return module


@functools.cache
def _function(path: Path) -> Callable[..., "nn.Module"]:
    """Return the function `build` of a file, taking an architecture and a number of classes."""
    build = getattr(_module(path), "build", None)
    if not callable(build):
        raise SpaceError(f"{path} has no function build(arch).")
    if "classes" in inspect.signature(build).parameters:
        return build
    return lambda arch, classes: build(arch)


def _build(path: Path, arch: str, classes: int = 1) -> "nn.Module":
    from torch import nn

    build = _function(path)
    try:
        network = build(arch, classes=classes)
    except (Exception, SystemExit) as error:
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


def custom_diagram(space: Space, arch: str) -> "Diagram":
    """Return what `arch` of a custom space looks like, as the user's file has it.

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
