"""Architectures written as one short word, such as ``resnet-h0s32-d2w64k3b-…``.

A `Grammar` says how: a name, then groups of choices, joined by ``-``. A choice is a letter and the
option chosen. The same table draws architectures, writes them, and reads them strictly.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from naswot.errors import NaswotError, shown
from naswot.spaces.choices import Choose, Value


@dataclass(frozen=True)
class Part:
    """One choice in a text.

    Attributes:
        letter: what stands before the option; "" for the last part of a group, at most.
        name: the name of the choice.
        options: whole numbers, or texts of letters and digits.
    """

    letter: str
    name: str
    options: Sequence[int | str]


@dataclass(frozen=True)
class Grammar:
    """How the architectures of one space are written.

    Attributes:
        name: what they begin with.
        groups: the parts of each group.
    """

    name: str
    groups: tuple[tuple[Part, ...], ...]

    def draw(self, choose: Choose) -> str:
        """Return the architecture that `choose` makes."""
        return self.write({part.name: choose(part.name, part.options) for part in self._parts()})

    def write(self, chosen: Mapping[str, Value]) -> str:
        """Return the architecture of the options chosen, by name of the choice."""
        groups = ("".join(f"{part.letter}{chosen[part.name]}" for part in g) for g in self.groups)
        return "-".join((self.name, *groups))

    def parse(self, arch: str) -> dict[str, Any]:
        """Return the option of each choice of an architecture, by name.

        Raises:
            NaswotError: it is not in the space; the message names the wrong part.
        """
        name, *groups = arch.split("-")
        if name != self.name:
            raise self._malformed(arch, f"it does not begin with {self.name}-")
        if len(groups) != len(self.groups):
            raise self._malformed(
                arch, f"it has {len(groups)} groups after the name instead of {len(self.groups)}"
            )
        chosen: dict[str, Any] = {}
        for text, parts, pattern in zip(groups, self.groups, self._patterns, strict=True):
            found = pattern.fullmatch(text)
            if found is None:
                example = "".join(f"{part.letter}{part.options[0]}" for part in parts)
                raise self._malformed(arch, f"{shown(text)} does not have the form of {example}")
            for part, option in zip(parts, found.groups(), strict=True):
                options = self._options[part.name]
                if option not in options:
                    raise self._malformed(
                        arch,
                        f"{part.name} is {shown(option)} in {shown(text)}; it should be one of "
                        f"{', '.join(options)}",
                    )
                chosen[part.name] = options[option]
        return chosen

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [re.compile("".join(map(_pattern, parts))) for parts in self.groups]

    @cached_property
    def _options(self) -> dict[str, dict[str, int | str]]:
        return {part.name: {str(each): each for each in part.options} for part in self._parts()}

    def _parts(self) -> list[Part]:
        return [part for group in self.groups for part in group]

    def _malformed(self, arch: str, reason: str) -> NaswotError:
        example = self.draw(lambda _, options: options[0])
        return NaswotError(
            f"{shown(arch)} is not an architecture of {self.name} such as {example}: {reason}."
        )


def _pattern(part: Part) -> str:
    numbers = all(type(option) is int for option in part.options)
    return f"{re.escape(part.letter)}({'[0-9]+' if numbers else '[a-z0-9]+'})"


# Networks for images of any size halve the resolution three times in their later stages, as those
# for 32 × 32 pixels do, and up to twice before that, as those for 224 × 224 do. So the last maps
# have a side of 2 to 6 pixels for images of 16 to 95 pixels, and from there on 1/32 of the image's:
# 3 pixels at 96, 7 at 224. Networks of 32 × 32 as in He et al., CVPR 2016 (section 4.2), have 8.
EARLY_HALVINGS = (0, 1, 2)
TYPICAL_SIDES = (32, 64, 224)  # pixels, of images for 0, 1 and 2 early halvings
_ONE_FROM, _TWO_FROM = 48, 96  # pixels of the shorter side


def fit_halvings(shape: tuple[int, ...]) -> dict[str, Value]:
    """Return the early halvings of the resolution that suit images (C, H, W), by name."""
    side = min(shape[-2:])
    return {"halvings": int(side >= _ONE_FROM) + int(side >= _TWO_FROM)}
