"""Export an architecture of a space: find out what builds it, and how it is built again."""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from naswot.errors import NaswotError
from naswot.export.about import About, Exported
from naswot.export.exporting import export_network
from naswot.export.formats import FORMATS
from naswot.export.origin import Origin, of_choices, of_factory, of_file, of_space
from naswot.io.user_code import find_callable
from naswot.spaces import SPACES, Space
from naswot.spaces.choice_spaces import CHOICE_SPACES, choice_space
from naswot.spaces.choices import ChoiceSpace
from naswot.spaces.choices_file import ChoicesFile
from naswot.spaces.custom import custom_space, user_module
from naswot.spaces.derived import derived_space
from naswot.spaces.diagrams import diagram_of

if TYPE_CHECKING:
    from torch import nn

    from naswot.spaces.graph import Diagram


@dataclass(frozen=True)
class Architecture:
    """An architecture of any space.

    Attributes:
        title: the space's name in texts.
        arch: the architecture.
        build: number of classes → untrained network.
        origin: how it is built again.
        diagram: returns its picture; None if there is none.
    """

    title: str
    arch: str
    build: "Callable[[int], nn.Module]"
    origin: Origin
    diagram: "Callable[[], Diagram] | None"


def export_architecture(
    architecture: Architecture,
    folder: str | Path,
    *,
    shape: tuple[int, ...],
    classes: int = 10,
    seed: int = 0,
    formats: Sequence[str] = tuple(FORMATS),
    command: str = "",
    overwrite: bool = False,
) -> Exported:
    """Write an untrained network into `folder`; see `naswot.export.export_network`.

    PyTorch's random generator is as before afterwards.

    Args:
        architecture: from `architecture_of` or `architecture_named`.
        folder, shape, formats, overwrite: as for `export_network`.
        classes: number of outputs.
        seed: of the weights.
        command: the command that makes the export, for the README.

    Raises:
        NaswotError: the network cannot be built, or as for `export_network`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = architecture.build(classes)
    about = About(
        architecture.title,
        architecture.arch,
        architecture.origin,
        classes=classes,
        seed=seed,
        diagram=architecture.diagram,
        command=command,
    )
    return export_network(
        network, folder, shape=shape, about=about, formats=formats, overwrite=overwrite
    )


def architecture_named(space: str, arch: str) -> Architecture:
    """Return an architecture of a space that is named as on the command line.

    Args:
        space: name of a built-in space, or a Python file (…/space.py) with the choices of a space
            or with a function ``build(arch, classes)``.
        arch: the architecture.

    Raises:
        NaswotError: there is no such space, or the architecture is not in it.
    """
    if space in SPACES:
        return architecture_of(SPACES[space], arch)
    if space.endswith(".py") and Path(space).is_file():
        path = Path(space)
        if not hasattr(user_module(path), "choices"):
            return architecture_of(custom_space(path.stem, path), arch)
    return architecture_of(choice_space(space), arch)


def architecture_derived(
    factory: str,
    arch: str,
    *,
    classes: int,
    shape: tuple[int, ...],
    arguments: Mapping[str, Any] = MappingProxyType({}),
    space: ChoiceSpace | None = None,
) -> Architecture:
    """Return an architecture of the space that is derived from a user's network.

    Args:
        factory: what builds that network, PACKAGE.MODULE:FACTORY; the current folder comes first.
        arch: the architecture.
        classes: number of outputs.
        shape: (C, H, W) of an image.
        arguments: of the factory.
        space: the space, if it has been derived already.

    Raises:
        NaswotError: there is no such factory, or as for `derived_space`.
    """
    make = find_callable(factory, "factory", "torchvision.models:resnet18")
    if space is None:
        space = derived_space(factory, functools.partial(make, **arguments), classes, shape)
    origin = of_factory(factory, _own_file(factory), arch, shape, arguments)
    return Architecture(space.title, arch, functools.partial(space.build, arch), origin, None)


def _own_file(factory: str) -> Path | None:
    """Return the file of a factory's module if it lies in the current folder, not installed."""
    module = sys.modules[factory.partition(":")[0]]
    file = Path(getattr(module, "__file__", None) or "/").resolve()
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return file if file.is_relative_to(Path.cwd()) and not installed else None


def architecture_of(space: Space | ChoiceSpace, arch: str) -> Architecture:
    """Return an architecture of a space.

    Raises:
        NaswotError: the architecture is not in the space, or nothing is known of the space that
            would build its networks again.
    """
    if isinstance(space, Space):
        origin, diagram = _of_benchmark(space, arch)
    else:
        origin, diagram = _of_choices(space, arch)
    build = functools.partial(space.build, arch)
    return Architecture(space.title, arch, build, origin, diagram)


def _of_benchmark(space: Space, arch: str) -> "tuple[Origin, Callable[[], Diagram] | None]":
    space.canonical(arch)
    draw = functools.partial(diagram_of, space, arch)
    if space.file is None:
        return of_space(space.name, arch), draw
    module = user_module(Path(space.file))
    takes = "classes" in _parameters(module.build) if hasattr(module, "build") else False
    origin = of_file(Path(space.file), {"ARCH": arch}, "ARCH, classes=classes" if takes else "ARCH")
    return origin, draw if hasattr(module, "diagram") else None


def _of_choices(space: ChoiceSpace, arch: str) -> "tuple[Origin, Callable[[], Diagram] | None]":
    draw = None if space.diagram is None else functools.partial(space.diagram, arch, space.title)
    file = getattr(space.build, "__self__", None)
    if isinstance(file, ChoicesFile):
        arguments = "**CHOICES, classes=classes" if file.takes_classes else "**CHOICES"
        return of_file(file.path, {"CHOICES": file.parse(arch)}, arguments), draw
    if space.name in CHOICE_SPACES:
        return of_choices(space.name, arch), draw
    raise NaswotError(f"The space {space.name} does not say how its networks are built again.")


def _parameters(function: Callable) -> set[str]:
    return set(inspect.signature(function).parameters)
