"""One network of the user's, what varies of it, and the networks that it becomes."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from naswot.errors import NaswotError, shown
from naswot.scores.building import call_factory
from naswot.scores.failures import how_it_fails, one_line
from naswot.scores.lazy_modules import materialise
from naswot.spaces.choices import Choose, Value
from naswot.spaces.derived.analysis import Operation
from naswot.spaces.derived.building import Builder, Widths, within
from naswot.spaces.derived.sizes import Scales, Size
from naswot.spaces.derived.structure import structure_of

SEED = 0  # for the weights of the network that is looked at
TRIALS = 4  # random networks that are tried when the space is made


class Derived:
    """A user's network and what varies of it, for one number of classes and shape of images."""

    def __init__(
        self, name: str, make: Callable[..., nn.Module], classes: int, shape: tuple[int, ...]
    ):
        self.name, self.shape = name, shape
        # It has weights even if the first network of so many classes is asked for without.
        with torch.random.fork_rng([]), torch.device("cpu"):
            torch.manual_seed(SEED)
            network = call_factory(name, make, classes, SEED)
            _materialise(network, name, torch.zeros(2, *shape))
            self._scales, self._refused = Scales(), set[str]()
            self.structure = structure_of(network, shape, self._scales)
            self._builder = Builder(network, self.structure)
            self._try_out(network)

    def draw(self, choose: Choose) -> str:
        """Return the architecture of choices: those that differ from the original, in JSON."""
        chosen: dict[str, Value] = {}
        kept: list[int] = []
        for run in self.structure.runs:
            number = int(choose(run.name, run.options))
            kept.append(number - run.beside)
            if number != run.options[-1]:
                chosen[run.name] = number
        for group in self.structure.groups:
            if group.run is None or kept[group.run] > group.block:
                width = choose(group.name, group.options)
                if width != group.width:
                    chosen[group.name] = width
        return json.dumps(chosen, separators=(",", ":"))

    def parsed(self, arch: str) -> tuple[Widths, dict[str, int]]:
        """Return widths and numbers of blocks of an architecture, for `Builder`.

        Raises:
            NaswotError: it is no architecture of the space.
        """
        given = _read(arch, self.name)
        options: dict[str, tuple[Value, ...]] = {}
        original = {run.name: run.options[-1] for run in self.structure.runs}
        original |= {group.name: group.width for group in self.structure.groups}

        def choose(name: str, values: Any) -> Value:
            options[name] = tuple(values)
            return given.get(name, original[name])

        for name, value in given.items():
            if name not in original:
                raise NaswotError(
                    f"{self.name}: {shown(arch)} names {shown(name)}, which is no choice. "
                    "Choices are 'width LAYER' and 'depth SEQUENCE'."
                )
            if type(value) is not int:
                raise NaswotError(f"{self.name}: {name!r} in {shown(arch)} is no whole number.")
        self.draw(choose)
        for name, value in given.items():
            if name not in options:
                raise NaswotError(
                    f"{self.name}: {shown(arch)} sets {name!r} of a block that it leaves out."
                )
            if value not in options[name]:
                allowed = ", ".join(map(str, options[name]))
                raise NaswotError(f"{self.name}: {name!r} in {shown(arch)} is none of {allowed}.")
        widths = {
            group.factor: (int(given[group.name]), group.width)
            for group in self.structure.groups
            if group.name in given
        }
        kept = {
            run.name: int(given.get(run.name, run.options[-1])) - run.beside
            for run in self.structure.runs
        }
        return widths, kept

    def build(self, arch: str) -> nn.Module:
        """Return the network of an architecture, with new weights, on the default device."""
        return self._builder.build(*self.parsed(arch))

    def count(self, arch: str) -> dict[str, float]:
        """Return parameters and operations of an architecture."""
        widths, kept = self.parsed(arch)
        gone = tuple(block for run in self.structure.runs for block in run.blocks[kept[run.name] :])
        flops = sum(
            _flops(operation, widths)
            for operation in self.structure.trace.operations or ()
            if not (gone and within(operation.inside[-1] if operation.inside else "", gone))
        )
        return {"params": float(self._builder.params(widths, gone)), "flops": float(flops)}

    @property
    def counts(self) -> bool:
        """Whether `count` knows all operations."""
        return self.structure.trace.operations is not None

    def _try_out(self, network: nn.Module) -> None:
        """Fix what does not vary after all.

        Raises:
            NaswotError: the copy fails on images, or nothing varies.
        """
        if error := self._failure("{}"):
            raise NaswotError(f"{self.name} fails once it is copied: {error}")
        generator = np.random.default_rng(SEED)
        ways: list[Callable[[str, Any], Value]] = [
            lambda _, options: options[0],
            lambda _, options: options[-1],
            *[lambda _, options: options[int(generator.integers(len(options)))]] * TRIALS,
        ]
        while error := self._failure_of_any(ways):
            if not self._fix_singly():
                # Each choice works alone: some go together in a way that was not seen.
                numbers = [group.factor for group in self.structure.groups]
                self._scales.fix(numbers, f"the network fails with other widths ({error})")
                self._refused |= {run.name for run in self.structure.runs}
            self.structure = structure_of(network, self.shape, self._scales, self._refused)
            self._builder.structure = self.structure
        if not self.structure.groups and not self.structure.runs:
            why = "; ".join(dict.fromkeys(self.structure.fixed.values())) or "it has no wide layer"
            raise NaswotError(f"{self.name} has nothing that varies: {why}.")

    def _failure_of_any(self, ways: Sequence[Callable[[str, Any], Value]]) -> str | None:
        """Return why one of the architectures that `ways` choose fails; None if none does."""
        failures = (self._failure(self.draw(way)) for way in ways)
        # The meta device does not look at everything; so one network runs.
        return next(filter(None, failures), None) or self._failure(self.draw(ways[-1]), "cpu")

    def _fix_singly(self) -> bool:
        """Fix each choice that fails alone; return whether there are any."""
        found = False
        for group in self.structure.groups:
            ends = {group.options[0], group.options[-1]} - {group.width}
            archs = [json.dumps({group.name: width}) for width in ends]
            failures = [self._failure(x, on) for x in archs for on in ("meta", "cpu")]
            if error := next(filter(None, failures), None):
                self._scales.fix([group.factor], f"the network fails with another width ({error})")
                found = True
        for run in self.structure.runs:
            if self._failure(json.dumps({run.name: run.options[0]})):
                self._refused.add(run.name)
                found = True
        return found

    def _failure(self, arch: str, device: str = "meta") -> str | None:
        """Return why an architecture fails on images; None if it does not."""
        try:
            with torch.device(device), torch.no_grad():
                network = self.build(arch).eval()
                network(torch.zeros(1, *self.shape))
        except Exception as error:  # a network may raise anything
            return one_line(error)
        return None


def _materialise(network: nn.Module, name: str, images: torch.Tensor) -> None:
    try:
        materialise(network, images)
    except Exception as error:  # a network may raise anything
        raise NaswotError(f"{name} {how_it_fails(error, images, 'give another shape')}") from error


def _read(arch: str, name: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("a name occurs twice")
        return dict(pairs)

    try:
        found = json.loads(arch, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise NaswotError(
            f"{name}: {shown(arch)} is no architecture ({error}). Write choices in JSON, such as "
            '{"width conv1":48}; {} is the network itself.'
        ) from error
    if not isinstance(found, dict):
        raise NaswotError(f"{name}: {shown(arch)} is no architecture. Write {{}}, or choices.")
    return found


def _flops(operation: Operation, widths: Widths) -> int:
    args, kwargs, out = operation.arguments
    if operation.varies:
        args, kwargs, out = (_at(part, widths) for part in (args, kwargs, out))
    return operation.formula(*args, **kwargs, out_val=out)


def _at(tree: Any, widths: Widths) -> Any:
    if isinstance(tree, Size):
        return tree.at(widths)
    if isinstance(tree, tuple):
        return tuple(_at(x, widths) for x in tree)
    if isinstance(tree, dict):
        return {key: _at(x, widths) for key, x in tree.items()}
    return tree
