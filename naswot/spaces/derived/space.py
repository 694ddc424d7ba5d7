"""The space of the networks that a user's network becomes when its widths and depths vary."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from torch import nn

from naswot.spaces.choices import ChoiceSpace
from naswot.spaces.derived.derived import Derived


def derived_space(
    name: str, make: Callable[..., nn.Module], classes: int, shape: tuple[int, ...]
) -> ChoiceSpace:
    """Return the space of the networks that another choice of widths and depths makes.

    Args:
        name: of the space, and of the network in messages.
        make: builds the network; it gets `num_classes` if it takes that argument.
        classes: number of classes.
        shape: of an image, (C, H, W).

    Raises:
        NaswotError: the network cannot be built, fails on images of that shape, needs values to
            find its way, or has nothing that varies.
    """
    derived = lru_cache(maxsize=4)(partial(Derived, name, make))
    first = derived(classes, tuple(shape))

    def build(arch: str, number: int) -> nn.Module:
        return derived(number, tuple(shape)).build(arch)

    def count(arch: str, number: int, size: tuple[int, ...]) -> Mapping[str, float]:
        return derived(number, tuple(size)).count(arch)

    return ChoiceSpace(
        name=name,
        title=f"Networks derived from {name}",
        draw=first.draw,
        build=build,
        count=count if first.counts else None,
        about=tuple(about(first)),
    )


def about(derived: Derived) -> list[str]:
    """Return what varies and what does not, in lines."""
    structure, lines = derived.structure, []
    for group in structure.groups:
        others = f", with {_listed(group.layers[1:])}" if len(group.layers) > 1 else ""
        widths = f"{group.options[0]}–{group.options[-1]} in {len(group.options)} steps"
        lines.append(f"{group.name}: {group.width} channels, {widths}{others}")
    for run in structure.runs:
        without = _listed(run.blocks[run.fewest :])
        lines.append(
            f"{run.name}: {run.options[0]}–{run.options[-1]} blocks; {without} may be left out"
        )
    reasons: dict[str, list[str]] = {}
    for layer, why in structure.fixed.items():
        reasons.setdefault(why, []).append(layer)
    lines += [f"width of {_listed(names)} stays: {why}" for why, names in reasons.items()]
    return lines


def _listed(names: tuple[str, ...] | list[str]) -> str:
    """Return names in a line; many are cut."""
    few = ", ".join(names[:3])
    return few if len(names) <= 3 else f"{few} and {len(names) - 3} more"
