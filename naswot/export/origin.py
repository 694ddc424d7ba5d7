"""Where a network comes from, as the Python file that builds it again."""

import pprint
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from naswot.errors import NaswotError
from naswot.io.python_files import local_imports
from naswot.io.user_code import parts_of

MODULE = "network.py"
WEIGHTS = "weights.pt"
WIDEST = 88  # characters of a line of a literal

TEMPLATE = '''\
"""{title}: builds the network of this folder, untrained.

In this folder, or with it on `sys.path`, this builds it with the weights of {weights}:

    import torch
    from network import build

    network = build()  # {classes} classes
    network.load_state_dict(torch.load("{weights}", weights_only=True))

Images are float32 (B, {shape}). `python network.py` tries one.
"""

{system}from pathlib import Path

import torch
{imports}

FOLDER = Path(__file__).resolve().parent
{beside}{literals}


def build(classes={classes}):
    """Return the network with new random weights and `classes` outputs."""
    return {call}


if __name__ == "__main__":
    network = build()
    network.load_state_dict(torch.load(FOLDER / "{weights}", weights_only=True))
    with torch.no_grad():
        print(network.eval()(torch.randn(1, {shape})))
'''
BESIDE = """\
sys.path.insert(0, str(FOLDER))  # for the files beside this one
{own}  # noqa: E402

"""


@dataclass(frozen=True)
class Origin:
    """How a network is built again: the parts of a small Python file.

    Attributes:
        imports: lines of code that import what is installed.
        literals: name → value that is written as a literal, such as the architecture.
        call: the expression that builds the network; it may use the literals and `classes`.
        files: path in the folder, with slashes → the user's file that is copied there.
        own: the line of code that imports one of them; empty if there are none.
    """

    imports: str
    literals: Mapping[str, Any]
    call: str
    files: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    own: str = ""

    @property
    def names(self) -> set[str]:
        """The packages and modules among `files`, as imports name them."""
        return {place.partition("/")[0].removesuffix(".py") for place in self.files}

    @property
    def folders(self) -> set[Path]:
        """The folders in which Python finds the originals of `files`."""
        return {
            file.resolve().parents[place.count("/")]
            for place, file in self.files.items()
            if len(file.resolve().parents) > place.count("/")
        }

    def code(self, title: str, classes: int, shape: tuple[int, ...]) -> str:
        """Return the text of the Python file.

        Args:
            title: what the network is, for its first line.
            classes: number of outputs, unless `build` is called with another.
            shape: (C, H, W) of an image.
        """
        return TEMPLATE.format(
            title=_plain(title),
            weights=WEIGHTS,
            classes=classes,
            shape=", ".join(map(str, shape)),
            system="import sys\n" if self.own else "",
            imports=self.imports,
            beside=BESIDE.format(own=self.own) if self.own else "",
            literals="\n".join(f"{name} = {_literal(it)}" for name, it in self.literals.items()),
            call=self.call,
        )


def of_space(space: str, arch: str) -> Origin:
    """Return the origin of an architecture of a built-in benchmark space, by the space's name."""
    call = f"SPACES[{_quoted(space)}].build(ARCH, classes)"
    return Origin("from naswot.spaces import SPACES", {"ARCH": arch}, call)


def of_choices(space: str, arch: str) -> Origin:
    """Return the origin of an architecture of a built-in space of choices, by the space's name."""
    imports = "from naswot.spaces.choice_spaces import choice_space"
    call = f"choice_space({_quoted(space)}).build(ARCH, classes)"
    return Origin(imports, {"ARCH": arch}, call)


def of_file(path: Path, literals: Mapping[str, Any], arguments: str) -> Origin:
    """Return the origin of a network that the function `build` of a user's Python file makes.

    The file, and the files beside it that it imports, are copied.

    Args:
        path: the file.
        literals: as in `Origin`.
        arguments: those of the call of `build`, as code.

    Raises:
        NaswotError: a file that would be copied has the name of the one that is written.
    """
    base = path.parent
    while (base / "__init__.py").exists():
        base = base.parent
    files = _copies(path, base)
    module = _module(path, base)
    files[f"{module.replace('.', '/')}.py"] = files.pop(_place(path, base))
    own = f"from {module} import build as build_network"
    return Origin("", literals, f"build_network({arguments})", files, own)


def of_factory(
    factory: str,
    file: Path | None,
    arch: str,
    shape: tuple[int, ...],
    arguments: Mapping[str, Any] = MappingProxyType({}),
) -> Origin:
    """Return the origin of an architecture of the space that is derived from a network.

    Args:
        factory: what builds that network, PACKAGE.MODULE:FACTORY.
        file: of the module, if it lies in the current folder: then it is copied, with the files
            beside it that it imports.
        arch: the architecture.
        shape: (C, H, W) of the images for which the space was derived.
        arguments: of the factory.

    Raises:
        NaswotError: as for `of_file`.
    """
    module, attribute = parts_of(factory, "factory", "torchvision.models:resnet18")
    line, imports = f"import {module} as source", "from naswot.spaces.derived import derived_space"
    literals: dict[str, Any] = {"ARCH": arch, "SHAPE": tuple(shape)}
    make = f"source.{attribute}"
    if arguments:
        imports = f"from functools import partial\n\n{imports}"
        literals["ARGUMENTS"] = dict(arguments)
        make = f"partial({make}, **ARGUMENTS)"
    space = f"derived_space({_quoted(factory)}, {make}, classes, SHAPE)"
    call = f"{space}.build(ARCH, classes)"
    if file is None:
        return Origin(f"{line}\n{imports}", literals, call)
    above = module.count(".") + (file.name == "__init__.py")
    return Origin(imports, literals, call, _copies(file, file.parents[above]), line)


def _copies(path: Path, base: Path) -> dict[str, Path]:
    """Return path in the folder → file, for a file below `base` and those that it imports."""
    files = {_place(Path(one), base): Path(one) for one in local_imports(path)}
    if MODULE in files:
        raise NaswotError(
            f"{files[MODULE]} has the name of the file that an export writes; give it another."
        )
    return files


def _place(file: Path, base: Path) -> str:
    return file.relative_to(base).as_posix() if file.is_relative_to(base) else file.name


def _module(path: Path, base: Path) -> str:
    """Return the name by which a file can be imported, once it is copied."""
    *packages, name = path.relative_to(base).with_suffix("").parts
    return ".".join([*packages, re.sub(r"\W|^(?=\d)", "_", name)])


def _quoted(text: str) -> str:
    """Return a text as a literal in double quotes where that is possible."""
    return f'"{text}"' if text.isprintable() and not set(text) & set('"\\') else repr(text)


def _literal(value: Any) -> str:
    """Return a value as a readable literal; a long text is cut into lines."""
    if not isinstance(value, str):
        return pprint.pformat(value, sort_dicts=False, width=WIDEST)
    if len(value) <= WIDEST:
        return _quoted(value)
    lines = [value[start : start + WIDEST] for start in range(0, len(value), WIDEST)]
    return "(\n" + textwrap.indent("\n".join(map(repr, lines)), "    ") + "\n)"


def _plain(title: str) -> str:
    """Return a title as it may stand in a docstring."""
    return " ".join(title.replace("\\", "/").replace('"', "'").split())
