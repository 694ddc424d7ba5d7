"""Find the reachable ReLUs by data flow: a forward pass in which every operation is followed.

The autograd graph ends where gradients end: under `no_grad` and `inference_mode`, at `detach` and
`argmax`, in outputs without a gradient. A `DataFlow` sees every operation that PyTorch executes
below autograd, also those of scripted, traced and exported blocks and of custom autograd functions.
For every storage it keeps the set of ReLU calls that its content depends on, and whether it depends
on the images. The output of an operation depends on all that its inputs depend on. Multiplication
by zero is no exception, as in the autograd graph.

Data that leave PyTorch (`numpy()`, `item()`, the condition of an `if`) cannot be followed. All data
that enter later, and the output, may depend on what has left before.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from naswot.scores.dispatch import DispatchMode
from naswot.scores.inputs import Inputs
from naswot.scores.outputs import tensors_in
from naswot.scores.relu import (
    CodeOverlap,
    TensorCache,
    batch_position_unclear,
    is_relu_module,
    may_move_batch,
)

IMAGES = 1  # the bit for a dependency on the images; ReLU call n has bit n + 1


def _always(*_: Any) -> bool:
    return True


def _is_zero(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.device.type != "meta" and not value.any()
    return isinstance(value, int | float) and value == 0


def _from_zero(x: torch.Tensor, bound: Any = -1.0, *_: Any) -> bool:
    return _is_zero(bound)


# Operation → whether it is a ReLU, given its arguments.
RELU_OPERATIONS: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(
        (
            "relu",
            "relu6",
            "leaky_relu",
            "prelu",
            "_prelu_kernel",
            "rrelu",
            "rrelu_with_noise",
            "rrelu_with_noise_functional",
        ),
        _always,
    ),
    "hardtanh": _from_zero,
    "threshold": _from_zero,
    "clamp": _from_zero,
    "clip": _from_zero,
    "clamp_min": _from_zero,
}
COMPARISONS = {"gt", "ge", "lt", "le"}
NORMALISATIONS = {
    "batch_norm",
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_batch_norm_with_update",
    "_batch_norm_impl_index",
    "cudnn_batch_norm",
    "miopen_batch_norm",
}
# Operations whose results are not tensors.
ESCAPES = {"_local_scalar_dense", "item", "is_nonzero", "equal", "allclose"}
# Methods that hand out data without an operation.
ESCAPE_METHODS = frozenset(
    getattr(torch.Tensor, name)
    for name in ("numpy", "__array__", "tolist", "data_ptr", "__dlpack__", "untyped_storage")
)


@dataclass(eq=False)
class TracedCall:
    """One call of a ReLU.

    Attributes:
        shape: of its input.
        dependencies: of its input, as bits.
        owner: the call itself, or its module. If one call of an owner is reachable, all count.
        overlap: of its codes, if the mini-batch is the first dimension of its input.
        codes: bool, of the shape of its input, if the position of the mini-batch is unclear.
    """

    shape: torch.Size
    dependencies: int
    owner: Any
    overlap: CodeOverlap | None = None
    codes: torch.Tensor | None = None


class DataFlow(DispatchMode):
    """While active, follows what tensors depend on, and records the calls of ReLUs.

    Dependencies are the bits of an integer: `IMAGES`, and one bit for each ReLU call.

    Args:
        network: its parameters and buffers depend on nothing.
        images: the mini-batch.
        batch_size: number of images; None if they are not known to be in the first dimension.
        hooked: whether ReLUs are the modules that are given to `hook`, and not operations.
        trial: whether to keep only codes for which the position of the mini-batch is unclear.

    Attributes:
        calls: of ReLUs, in the order of execution.
        escaped: dependencies of all data that have left PyTorch.
        sign_choices: how often the sign of a tensor chose between two others, not as in a ReLU.
    """

    def __init__(
        self,
        network: nn.Module,
        images: Inputs,
        batch_size: int | None,
        hooked: bool,
        trial: bool = False,
    ):
        super().__init__()
        self.batch_size, self.hooked, self.trial = batch_size, hooked, trial
        self.moved = batch_size is None  # whether the mini-batch may not be the first dimension
        self.calls: list[TracedCall] = []
        self.escaped = 0
        self.sign_choices = 0
        self._dependencies: dict[Any, int] = {}
        self._without_storage: list[torch.Tensor] = []  # kept, so that their ids stay unique
        self._overlaps, self._signs = TensorCache(), TensorCache()
        for tensor in (*network.parameters(), *network.buffers()):
            self._dependencies[self._key(tensor)] = 0
        for tensor in tensors_in(images):
            self._dependencies[self._key(tensor)] = IMAGES

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__.removesuffix("_")
        inputs = list(tensors_in((args, kwargs)))
        sources = inputs
        if name in NORMALISATIONS and len(args) > 5 and args[5]:
            # In train mode, running statistics are written but do not influence the output.
            sources = [x for x in inputs if x is not args[3] and x is not args[4]]
        dependencies = self._union(sources)
        if name in ESCAPES:
            self.escaped |= dependencies
        if dependencies & IMAGES and may_move_batch(name, args, kwargs):
            self.moved = True
        relu_input = None if self.hooked else self._relu_input(name, args, kwargs)
        if relu_input is not None:
            dependencies |= self.record(relu_input, owner=object())
        output = func(*args, **kwargs)
        if name in COMPARISONS and len(args) == 2 and type(args[1]) in (int, float) and not args[1]:
            self._signs.put(output, args[0])
        elif name == "_to_copy" and (signs := self._signs.get(args[0])) is not None:
            self._signs.put(output, signs)
        self._propagate(func, dependencies, sources, args, kwargs, output)
        return output

    def record(self, x: torch.Tensor, owner: Any) -> int:
        """Record a ReLU call with input `x`. Returns the bit that stands for it."""
        call = TracedCall(x.shape, self._union([x]), owner)
        if call.dependencies & IMAGES:
            if self.batch_size is None or batch_position_unclear(
                x.shape, self.batch_size, self.moved
            ):
                call.codes = x.detach() > 0
            elif not self.trial:
                call.overlap = self._overlaps.get_or_compute(x, CodeOverlap.of_input)
        self.calls.append(call)
        return 1 << len(self.calls)

    def dependencies_of(self, value: Any) -> int:
        """Return the dependencies of the tensors in `value`."""
        return self._union(tensors_in(value))

    def record_escape(self, value: Any) -> None:
        """Record that the tensors in `value` leave PyTorch."""
        self.escaped |= self.dependencies_of(value)

    def hook(self, module: nn.Module) -> tuple:
        """Record every call of `module` as one of a ReLU. Returns the handles of the hooks."""
        entered: list[int] = []

        def before(_, inputs, keywords):
            with _disable_current_modes():
                entered.append(self.record(next(tensors_in((inputs, keywords))), module))

        def after(_, inputs, output):
            bit = entered.pop()
            for tensor in tensors_in(output):
                self._dependencies[self._key(tensor)] = self._union([tensor]) | bit

        return (
            module.register_forward_pre_hook(before, with_kwargs=True),
            module.register_forward_hook(after),
        )

    def _relu_input(self, name: str, args: tuple, kwargs: dict) -> torch.Tensor | None:
        """Return the input of the ReLU that operation `name` is or completes, or None."""
        x = args[0] if args else kwargs.get("self", kwargs.get("input"))
        if not isinstance(x, torch.Tensor) or not (x.is_floating_point() or x.dtype == torch.bool):
            return None
        if name in RELU_OPERATIONS:
            return x if RELU_OPERATIONS[name](*args, **kwargs) else None
        if name == "where" and len(args) == 3:
            return self._selected_input(*args)
        if name == "masked_fill" and len(args) == 3:  # x.masked_fill(x < 0, 0)
            return self._selected_input(args[1], x, args[2])
        if name in ("index_put", "_index_put_impl"):  # x[x < 0] = 0
            return self._selected_input(args[1][0], x, args[2]) if len(args[1]) == 1 else None
        if name == "mul" and len(args) == 2:  # x · (x > 0)
            for left, right in (args, args[::-1]):
                if isinstance(right, torch.Tensor) and self._signs.get(right) is left:
                    return left
        if name in ("maximum", "max") and len(args) == 2 and isinstance(args[1], torch.Tensor):
            for left, right in (args, args[::-1]):
                if _is_zero(right):
                    return left
        return None

    def _selected_input(self, condition: torch.Tensor, one: Any, other: Any) -> torch.Tensor | None:
        """Return x if `condition` is the sign of x and selects between x and zero, or None."""
        x = None if condition is None else self._signs.get(condition)
        if x is None:
            return None
        rest = [value for value in (one, other) if value is not x]
        if len(rest) == 1 and _is_zero(rest[0]):
            return x
        self.sign_choices += 1
        return None

    def _propagate(self, func, dependencies, inputs, args, kwargs, output) -> None:
        """Store `dependencies` for all tensors that `func` has written."""
        known = {self._key(tensor) for tensor in inputs}
        for tensor in tensors_in(output):
            key = self._key(tensor)
            before = self._dependencies.get(key, 0) if key in known else 0
            self._dependencies[key] = dependencies | before
        if func._schema.is_mutable:
            for number, argument in enumerate(func._schema.arguments):
                if argument.alias_info is None or not argument.alias_info.is_write:
                    continue
                value = args[number] if number < len(args) else kwargs.get(argument.name)
                for tensor in tensors_in(value):
                    key = self._key(tensor)
                    if key in known:
                        self._dependencies[key] |= dependencies

    def _union(self, found: Any) -> int:
        """Return what tensors depend on. Those from outside PyTorch may depend on what escaped."""
        dependencies = 0
        for tensor in found:
            dependencies |= self._dependencies.setdefault(self._key(tensor), self.escaped)
        return dependencies

    def _key(self, tensor: torch.Tensor) -> Any:
        """Return a key for the memory of `tensor`, unique for the lifetime of this object."""
        try:
            with torch._C.DisableTorchFunction():  # or `_EscapeMode` would see the call
                return StorageWeakRef(tensor.untyped_storage())
        except RuntimeError:  # sparse tensors and others have no storage
            self._without_storage.append(tensor)
            return id(tensor)


class _EscapeMode(TorchFunctionMode):
    """While active, tells a `DataFlow` of data that leave PyTorch by `ESCAPE_METHODS`."""

    def __init__(self, flow: DataFlow):
        super().__init__()
        self.flow = flow

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in ESCAPE_METHODS:
            self.flow.record_escape(args)
        return func(*args, **(kwargs or {}))


@contextmanager
def tracing(flow: DataFlow, network: nn.Module) -> Iterator[None]:
    """Let `flow` follow what `network` computes."""
    with ExitStack() as stack:
        if flow.hooked:
            for module in network.modules():
                if is_relu_module(module):
                    for handle in flow.hook(module):
                        stack.callback(handle.remove)
        stack.enter_context(_EscapeMode(flow))
        stack.enter_context(flow)
        yield
