"""A forward pass that learns which sizes of a network depend on which widths.

The network is on torch's meta device, where tensors have shapes and no values. Each function that
it calls is intercepted. The weights of layers get the shapes that fit their inputs, with as many
outputs as `naswot.spaces.derived.sizes` says. Where an addition, say, finds two sizes that differ,
their scale factors have to be the same.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from naswot.scores.failures import one_line
from naswot.scores.outputs import tensors_in
from naswot.spaces.derived.layers import KINDS, LAYERS
from naswot.spaces.derived.sizes import FIRST, Scales, Size

FEWEST = 8  # narrower layers stay as they are
# Functions whose tensors have to be of one shape but for dimensions of 1, by their names without
# underscores.
ELEMENTWISE = {
    *("add", "radd", "iadd", "sub", "rsub", "isub", "subtract", "mul", "rmul", "imul", "multiply"),
    *("div", "truediv", "rtruediv", "itruediv", "divide", "maximum", "minimum", "where", "lerp"),
    *("addcmul", "addcdiv", "pow", "stack"),
}
ADDITIONS = {"add", "radd", "iadd"}
LARGE = re.compile(r"\d{5,}")
CONCATENATIONS = {"cat", "concat", "concatenate"}


class AgainError(Exception):
    """Ends a pass that has learnt what changes the sizes of tensors it has made."""


class Probe(TorchFunctionMode):
    """Follows one forward pass.

    Attributes:
        scales: what is known of the scale factors; the pass adds to it.
        tensors: name of a parameter or buffer → its sizes.
        attributes: (name of a module, attribute) → its size, or sizes.
        stack: the modules that run, outermost first, each with the tensors that it got.
        adding: names of modules in whose own forward pass something is added.
    """

    def __init__(self, network: nn.Module, scales: Scales):
        super().__init__()
        self.scales = scales
        self.tensors: dict[str, list[Size]] = {}
        self.attributes: dict[tuple[str, str], Any] = {}
        self.stack: list[tuple[str, nn.Module, Any]] = []
        self.adding: set[str] = set()
        self._before = scales.changes
        self._names = {id(x): name for name, x in network.named_parameters()}
        self._names |= {id(x): name for name, x in network.named_buffers()}
        layers = [module for module in network.modules() if isinstance(module, KINDS)]
        of_layers = {id(x) for layer in layers for x in layer.parameters(recurse=False)}
        self._loose = {id(x) for x in network.parameters() if id(x) not in of_layers}

    @property
    def changed(self) -> bool:
        """Whether the pass has learnt something."""
        return self.scales.changes != self._before

    @property
    def inside(self) -> str:
        """The name of the module that runs, for messages."""
        return (self.stack[-1][0] if self.stack else "") or "the network's own forward pass"

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        name, kwargs = func.__name__, kwargs or {}
        if name in ("__get__", "__set__"):
            return func(*args, **kwargs)
        name = name.strip("_")
        while True:
            before = self.scales.changes
            args, kwargs = self._current(args), self._current(kwargs)
            try:
                found = self._called(func, name, args, kwargs)
            except Exception as error:  # shapes do not fit, in any function
                where = f"{name} in {self.inside}"
                self.blame((args, kwargs), where, error)
            else:
                self._explain(found, (args, kwargs), name)
                if self.scales.changes == before:
                    return self._noted(found)

    def _called(self, func: Any, name: str, args: tuple, kwargs: dict) -> Any:
        if func in LAYERS:
            found = LAYERS[func](self, func, *args, **kwargs)
            if found is not NotImplemented:
                return found
        elif name in ELEMENTWISE:
            args = self._of_one_shape(args, name)
            if name in ADDITIONS:
                self.adding.add(self.stack[-1][0] if self.stack else "")
        elif name in CONCATENATIONS:
            args, kwargs = self._concatenated(*args, **kwargs)
        return func(*args, **kwargs)

    # What layers ask for.

    def size(self, number: int) -> Size:
        """Return what `number`, a size of an input, stands for."""
        found = self.scales.read(number)
        return Size(number) if found is None else found

    def value(self, size: Size) -> int:
        """Return the number that stands for `size`."""
        return self.scales.value(size)

    def width(self, weight: torch.Tensor, dimension: int) -> Size:
        """Return the number of outputs of a layer that chooses it."""
        name, width = self._names[id(weight)], weight.shape[dimension]
        if width < FEWEST:
            return Size(width)
        return self.scales.new((name, dimension), name.rpartition(".")[0] or name, width, True)

    def owns(self, tensor: Any) -> bool:
        """Return whether `tensor` is a parameter or buffer of the network."""
        return id(tensor) in self._names

    def resized(self, tensor: Any, sizes: Sequence[Size]) -> Any:
        """Return `tensor`, of a layer, in the given shape; None stays None."""
        if not isinstance(tensor, torch.Tensor):
            return tensor
        if not self.owns(tensor):  # it is computed, and has to fit as it is
            for number, size in zip(tensor.shape, sizes, strict=True):
                where = f"{self.inside} computes what has to be of its size"
                self.scales.equate(self.size(number), size, where)
            return self.fitting(tensor)
        name = self._names[id(tensor)]
        for one, other in zip(self.tensors.setdefault(name, [*sizes]), sizes, strict=True):
            self.scales.equate(one, other, f"{name} is used for several widths")
        for size in sizes:
            self.scales.note(size)
        return self._empty(tensor, [self.value(size) for size in sizes])

    def describe(self, **attributes: Any) -> None:
        """Note attributes of the module that runs, as far as it has them."""
        if self.stack:
            name, module, _ = self.stack[-1]
            for key, size in attributes.items():
                old = getattr(module, key, None)
                if old is not None and _plain(old) == _original(size):
                    self.attributes[name, key] = size

    def fitting(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return `tensor` in the shape that it has by what is known now."""
        shape = [self._fitting(x) for x in tensor.shape]
        return self._empty(tensor, shape) if shape != [*tensor.shape] else tensor

    # How functions are prepared and what becomes of failures.

    def _fitting(self, number: int) -> int:
        if number < FIRST:
            return number
        size = self.scales.read(number)
        return number if size is None else self.value(size)

    def _empty(self, like: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        return torch.empty(shape, dtype=like.dtype, device="meta")

    def _current(self, tree: Any) -> Any:
        """Return arguments with tensors of the shapes that they have by what is known now."""
        if isinstance(tree, nn.Parameter):
            return self._loose_parameter(tree) if id(tree) in self._loose else tree
        if isinstance(tree, torch.Tensor):
            return self.fitting(tree) if tree.is_meta else tree
        if type(tree) in (tuple, list):
            return type(tree)(self._current(x) for x in tree)
        if type(tree) is dict:
            return {key: self._current(x) for key, x in tree.items()}
        return self._fitting(tree) if type(tree) is int else tree

    def _loose_parameter(self, tensor: nn.Parameter) -> torch.Tensor:
        """Return a parameter that is of no layer, with dimensions that may vary."""
        name = self._names[id(tensor)]
        sizes = [
            self.scales.new((name, n), name, x, False) if FEWEST <= x < FIRST else Size(x)
            for n, x in enumerate(tensor.shape)
        ]
        return self.resized(tensor, sizes)

    def _of_one_shape(self, args: tuple, name: str) -> tuple:
        several = isinstance(args[0], tuple | list)
        tensors = [x for x in (args[0] if several else args) if isinstance(x, torch.Tensor)]
        for n in range(1, 1 + max((x.ndim for x in tensors), default=0)):
            numbers = {x.shape[-n] for x in tensors if x.ndim >= n} - {1}
            sizes = [self.size(x) for x in numbers] if len(numbers) > 1 else []
            for one, other in pairwise(sizes):
                fixed = f"it meets a size that does not vary ({name} in {self.inside})"
                self.scales.equate(one, other, fixed)
        return self._current(args)

    def _concatenated(self, tensors: Any, dim: int = 0, **more: Any) -> tuple[tuple, dict]:
        first = tensors[0]
        dim = more.pop("axis", dim) % first.ndim
        for other in tensors[1:]:
            for n in range(first.ndim):
                if n != dim:
                    one, two = self.size(first.shape[n]), self.size(other.shape[n])
                    fixed = f"it meets a size that does not vary (concatenation in {self.inside})"
                    self.scales.equate(one, two, fixed)
        tensors = self._current(tensors)
        sizes = [self.scales.read(x.shape[dim]) for x in tensors]
        self.scales.remember_sum([size for size in sizes if size is not None])
        return (tensors, dim), more

    def _noted(self, found: Any) -> Any:
        for number in _sizes_in(found):
            if number >= FIRST and (size := self.scales.read(number)) is not None:
                self.scales.note(size)
        return found

    def _explain(self, found: Any, given: Any, name: str) -> None:
        """Bind the widths that a function computes with, unless its large sizes are no widths."""
        unknown = [x for x in _sizes_in(found) if x >= FIRST and self.scales.read(x) is None]
        if not unknown:
            return
        fixed = 1
        for number in _sizes_in(given):
            if number and (number < FIRST or self.scales.read(number) is None):
                fixed *= number
        if any(fixed % number for number in unknown):
            factors = {of for x in (*_sizes_in(given), *unknown) for of in self.scales.factors(x)}
            self._bind(factors, f"{name} in {self.inside} computes with its number")

    def blame(self, given: Any, where: str, error: Exception) -> None:
        """Tie or fix the scale factors of `given`, with which something fails.

        Raises:
            AgainError: there are none, but the pass has learnt something.
            Exception: `error`, if it has not.
        """
        factors = {of for number in _sizes_in(given) for of in self.scales.factors(number)}
        for tensor in tensors_in(given):
            for size in self.tensors.get(self._names.get(id(tensor), ""), ()):
                factors |= {of for of, _ in self.scales.resolved(size).parts}
        if not factors:
            if self.changed:
                raise AgainError from error
            raise error
        told = LARGE.sub("…", one_line(error)[:160])  # numbers that only stand for sizes
        self._bind(factors, f"{where} fails with another width ({told})")

    def _bind(self, factors: set[int], reason: str) -> None:
        """Tie scale factors; fix one that is alone."""
        if len(factors) > 1:
            self.scales.tie(factors)
        elif factors:
            self.scales.fix(factors, reason)


def _sizes_in(tree: Any) -> Iterator[int]:
    """Yield the sizes of tensors, and whole numbers, in containers."""
    if isinstance(tree, torch.Tensor):
        yield from tree.shape
    elif isinstance(tree, int) and not isinstance(tree, bool):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _sizes_in(value)
    elif isinstance(tree, tuple | list):
        for value in tree:
            yield from _sizes_in(value)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, tuple | list) else value


def _original(size: Any) -> Any:
    return tuple(x.original for x in size) if isinstance(size, tuple) else size.original
