"""A Python file of the user as a space: its choices, and a function that builds a network of them.

::

    choices = {"depth": [2, 3, 4], "width": [16, 32], "kernel_2": [3, 5]}
    when = {"kernel_2": {"depth": [3, 4]}}

    def build(depth, width, kernel_2=3, classes=1): ...

`when` is optional. A choice in it is made, and passed to `build`, only if each of the earlier
choices that it names has been made and has one of the options given; otherwise the default of the
parameter holds. An architecture is the choices as JSON, ``{"depth":2,"width":16}``. The function
``diagram(**choices)``, which returns a `naswot.spaces.graph.Diagram`, is optional too; its title
and architecture are filled in.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot.errors import NaswotError, shown
from naswot.io.python_files import local_imports
from naswot.spaces.choices import ChoiceSpace, Choose, Value
from naswot.spaces.choices_checks import checked_build, checked_choices, checked_when
from naswot.spaces.custom import made_diagram, made_network, user_module

if TYPE_CHECKING:
    from torch import nn

    from naswot.spaces.graph import Diagram

Options = tuple[Value, ...]


def space_of_file(path: Path) -> ChoiceSpace:
    """Return the space of a Python file of the user.

    Raises:
        SpaceError: there is no such file, it cannot be imported, or it does not describe a space;
            the message names the wrong part.
    """
    file = ChoicesFile.read(path)
    return ChoiceSpace(
        name=path.stem,
        title=path.stem,
        draw=file.draw,
        build=file.build,
        diagram=file.diagram if file.user_diagram else None,
        files=tuple(local_imports(path)),
    )


@dataclass(frozen=True)
class ChoicesFile:
    """What a file of the user says.

    Attributes:
        path: the file.
        choices: name → its options, in the order of asking.
        when: name → what earlier choices must be for it to be asked, by their names.
        user_build: the user's function `build`.
        takes_classes: whether `user_build` takes the number of classes.
        user_diagram: the user's function `diagram`, if there is one.
    """

    path: Path
    choices: Mapping[str, Options]
    when: Mapping[str, Mapping[str, Options]]
    user_build: Callable[..., Any]
    takes_classes: bool
    user_diagram: Callable[..., Any] | None

    @staticmethod
    def read(path: Path) -> "ChoicesFile":
        """Import and check a file; raises SpaceError as `space_of_file`."""
        content = vars(user_module(path))
        choices = checked_choices(path, content.get("choices"))
        when = checked_when(path, content.get("when", {}), choices)
        build, takes_classes = checked_build(path, content.get("build"), choices, when)
        diagram = content.get("diagram")
        return ChoicesFile(
            path, choices, when, build, takes_classes, diagram if callable(diagram) else None
        )

    def draw(self, choose: Choose) -> str:
        """Return the architecture that `choose` makes."""
        made: dict[str, Value] = {}
        for name, options in self.choices.items():
            if self._unmet(name, made) is None:
                made[name] = choose(name, options)
        return json.dumps(made, separators=(",", ":"))

    def parse(self, arch: str) -> dict[str, Value]:
        """Return the choices of an architecture, by name.

        Raises:
            NaswotError: it is not in the space; the message names the wrong part.
        """
        given = self._read(arch)
        made: dict[str, Value] = {}
        for name, options in self.choices.items():
            unmet = self._unmet(name, made)
            if unmet is not None:
                if name in given:
                    raise self._malformed(arch, f"it has {name!r}, which is a choice only {unmet}")
                continue
            if name not in given:
                raise self._malformed(arch, f"it has no {name!r}, one of {_listed(options)}")
            value = given[name]
            if not any(type(value) is type(one) and value == one for one in options):
                raise self._malformed(
                    arch, f"{name!r} is {shown(value)}, not one of {_listed(options)}"
                )
            made[name] = value
        for name in given:
            if name not in self.choices:
                close = difflib.get_close_matches(name, self.choices, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise self._malformed(arch, f"there is no choice {shown(name)}{hint}")
        return made

    def _unmet(self, name: str, made: Mapping[str, Value]) -> str | None:
        """Return the condition of `name` that the choices `made` do not meet, in words."""
        for earlier, options in self.when.get(name, {}).items():
            if earlier not in made or made[earlier] not in options:
                return f"if {earlier!r} is {' or '.join(map(repr, options))}"
        return None

    def _read(self, arch: str) -> dict[str, Any]:
        try:
            pairs = json.loads(arch, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError) as error:
            raise self._malformed(arch, f"it is not JSON ({error})") from None
        if not isinstance(pairs, _Pairs):
            raise self._malformed(arch, "it is not an object in braces")
        given = dict(pairs)
        if len(given) < len(pairs):
            raise self._malformed(arch, "it has a choice twice")
        return given

    def _malformed(self, arch: str, reason: str) -> NaswotError:
        example = self.draw(lambda _, options: options[0])
        return NaswotError(
            f"{shown(arch)} is not an architecture of {self.path} such as {example}: {reason}."
        )

    def build(self, arch: str, classes: int = 1) -> "nn.Module":
        """Return the network of an architecture; raises NaswotError if that fails."""
        made = self.parse(arch)
        arguments = {**made, "classes": classes} if self.takes_classes else made
        return made_network(
            self.path, _call("build", arguments), partial(self.user_build, **arguments)
        )

    def diagram(self, arch: str, title: str) -> "Diagram":
        """Return the diagram of an architecture; raises NaswotError if that fails."""
        made = self.parse(arch)
        draw: Any = self.user_diagram
        drawn = made_diagram(self.path, _call("diagram", made), partial(draw, **made))
        return replace(drawn, arch=arch, title=title)


class _Pairs(list):
    """The names and values of a JSON object, in order, with those that occur twice."""


def _listed(options: Iterable[Value]) -> str:
    return ", ".join(map(json.dumps, options))


def _call(function: str, arguments: Mapping[str, Value]) -> str:
    return f"{function}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
