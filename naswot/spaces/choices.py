"""Spaces as choices: what a search draws and mutates, however large the space is.

A space is a function that asks for one choice after the other and returns the architecture, so that
a choice may depend on earlier ones, and nothing has to be listed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from naswot.errors import NaswotError

if TYPE_CHECKING:
    from torch import nn

Value = bool | int | float | str
Choose = Callable[[str, Sequence[Value]], Value]  # name of a choice, its options → one of these

MOST_DRAWS = 10_000  # in search of choices that make a network of the space


@dataclass(frozen=True)
class ChoiceSpace:
    """A space that a search can draw from.

    Attributes:
        name: identifier on the command line and in files.
        title: its name in texts and figures.
        draw: asks for each choice, always in the same order as far as the choices made allow, and
            returns the architecture; None where the choices make no network of the space.
        build: makes the untrained network of an architecture, given the number of classes. Raises
            NaswotError for an architecture that is not in the space.
        count: (architecture, classes, shape (C, H, W) of an image) → "params" and "flops", as
            `naswot.costs.counting` counts them in the network, without building it; None where the
            network has to be built for it.
        diagram: returns the `naswot.spaces.graph.Diagram` of an architecture, given a title; None
            where there is none.
        about: what a user should know before a search, one line each, such as which parts of the
            network vary.
        files: the user's files that build its networks.
        fit: the choices that the shape (C, H, W) of the images settles, by name, for `fitted`; None
            where there are none.
    """

    name: str
    title: str
    draw: Callable[[Choose], str | None]
    build: Callable[[str, int], "nn.Module"]
    count: Callable[[str, int, tuple[int, ...]], Mapping[str, float]] | None = None
    diagram: Callable[[str, str], Any] | None = None
    about: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    fit: Callable[[tuple[int, ...]], Mapping[str, Value]] | None = None


@dataclass(frozen=True)
class Drawn:
    """An architecture with the choices that make it.

    Attributes:
        arch: the architecture.
        choices: name → the option chosen, in the order of asking.
        options: name → all options.
    """

    arch: str
    choices: Mapping[str, Value]
    options: Mapping[str, tuple[Value, ...]] = field(compare=False)

    @property
    def routes(self) -> float:
        """The product of the numbers of options: the mean over random draws is the space's size.

        Where no choice depends on another, it is the size itself (Knuth 1975, "Estimating the
        efficiency of backtrack programs").
        """
        return float(np.prod([float(len(options)) for options in self.options.values()]))


def fitted(space: ChoiceSpace, shape: tuple[int, ...]) -> ChoiceSpace:
    """Return `space` for images (C, H, W): what `ChoiceSpace.fit` settles has a single option.

    The architectures are some of those of `space`.
    """
    if space.fit is None:
        return space
    settled = space.fit(shape)

    def draw_fitted(choose: Choose) -> str | None:
        return space.draw(
            lambda name, options: choose(name, (settled[name],) if name in settled else options)
        )

    return replace(space, draw=draw_fitted, fit=None)


def draw(space: ChoiceSpace, choose: Choose) -> Drawn | None:
    """Return the architecture that `choose` makes; None if it is not a network of the space.

    Raises:
        NaswotError: the space asks for a choice twice, or one that has no options.
    """
    choices: dict[str, Value] = {}
    every: dict[str, tuple[Value, ...]] = {}

    def ask(name: str, options: Sequence[Value]) -> Value:
        if name in choices or not len(options):
            why = "is asked for twice" if name in choices else "has no options"
            raise NaswotError(f"{space.name}: the choice {name!r} {why}.")
        every[name] = tuple(options)
        choices[name] = choose(name, every[name])
        return choices[name]

    arch = space.draw(ask)
    return None if arch is None else Drawn(arch, choices, every)


def draw_random(space: ChoiceSpace, generator: np.random.Generator) -> Drawn:
    """Return a random architecture: each option of a choice is equally likely.

    Raises:
        NaswotError: `MOST_DRAWS` draws in a row make no network of the space.
    """
    return _first(space, lambda: draw(space, _any_of(generator)))


def mutate(space: ChoiceSpace, parent: Drawn, generator: np.random.Generator) -> Drawn:
    """Return `parent` with one choice changed; choices that this brings up are random.

    Raises:
        NaswotError: there is no choice to change, or as for `draw_random`.
    """
    names = [name for name, options in parent.options.items() if len(options) > 1]
    if not names:
        raise NaswotError(f"{space.name} has a single network.")
    anything = _any_of(generator)

    def child() -> Drawn | None:
        changed = names[generator.integers(len(names))]

        def choose(name: str, options: Sequence[Value]) -> Value:
            kept: Any = parent.choices.get(name)
            if name == changed:
                others = [option for option in options if option != kept]
                return anything(name, others or options)
            return kept if name in parent.choices and kept in options else anything(name, options)

        found = draw(space, choose)
        return None if found is None or found.arch == parent.arch else found

    return _first(space, child)


def _any_of(generator: np.random.Generator) -> Choose:
    return lambda name, options: options[int(generator.integers(len(options)))]


def _first(space: ChoiceSpace, attempt: Callable[[], Drawn | None]) -> Drawn:
    for _ in range(MOST_DRAWS):
        found = attempt()
        if found is not None:
            return found
    raise NaswotError(
        f"{MOST_DRAWS:,} random choices in a row make no network of {space.name}: let its "
        "function refuse fewer of them."
    )
