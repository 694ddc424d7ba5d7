"""What a network's output depends on, by the flow of its data: one forward pass, followed closely.

The autograd graph ends where gradients do: under `no_grad` and `inference_mode`, at `detach`, at
`argmax`, in outputs without a gradient. Data flow on. A `Flow` sees every operation that PyTorch
carries out below autograd, also those of scripted, traced and exported blocks and of custom
autograd functions, and keeps for every storage which rectifiers, and whether the images, have had a
part in what it holds. An operation hands on what its inputs carry. So an output depends on all
that could have changed its bits; a multiplication by zero is such a part, as in the graph.

Data that leave PyTorch (`numpy()`, `item()`, the condition of an `if`) can be followed no further:
what left may have a part in whatever comes in afterwards, and in the output.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from naswot.scores.outputs import tensors
from naswot.scores.rectifiers import (
    Agreement,
    Memory,
    binary_codes,
    is_unclear,
    moves,
    pairwise_active,
    shows_relu,
)

IMAGES = 1  # the bit of what depends on the images; rectifier n has bit n + 1


def _always(*_: Any) -> bool:
    return True


def _is_zero(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.device.type != "meta" and not value.any()
    return isinstance(value, int | float) and value == 0


def _from_zero(x: torch.Tensor, lowest: Any = -1.0, *_: Any) -> bool:
    return _is_zero(lowest)


# Operation → whether it is a rectifier, given its arguments.
RECTIFIERS: dict[str, Callable[..., bool]] = {
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
LEAVING = {"_local_scalar_dense", "item", "is_nonzero", "equal", "allclose"}
# Methods by which data leave without an operation.
LEAVING_METHODS = frozenset(
    getattr(torch.Tensor, name)
    for name in ("numpy", "__array__", "tolist", "data_ptr", "__dlpack__", "untyped_storage")
)


@dataclass(eq=False)
class Call:
    """One call of a rectifier.

    Attributes:
        shape: of the tensor that it reads.
        carried: the bits of what that tensor depends on.
        reader: what is counted: the call itself, or the module that is hooked.
        agreement: of its codes, if the mini-batch is its first dimension.
        codes: bool, of the tensor's shape, if it is not known where the mini-batch is.
    """

    shape: torch.Size
    carried: int
    reader: Any
    agreement: Agreement | None = None
    codes: torch.Tensor | None = None


class Flow(TorchDispatchMode):
    """While active, follows what tensors depend on and notes what every rectifier reads.

    Args:
        network: its parameters and buffers depend on nothing.
        images: the mini-batch.
        batch_size: how many images there are; None: their dimension is not the first, or not known.
        hooked: whether rectifiers are found by hooks (`hook`) and not by their operations.
        trial: whether only the codes are wanted of which it is not known where the mini-batch is.

    Attributes:
        calls: of rectifiers, in their order.
        left: the bits of what has left PyTorch.
        choices: how often the sign of a tensor chose between two others in a way that is no ReLU.
    """

    def __init__(
        self,
        network: nn.Module,
        images: torch.Tensor,
        batch_size: int | None,
        hooked: bool,
        trial: bool = False,
    ):
        super().__init__()
        self.batch_size, self.hooked, self.trial = batch_size, hooked, trial
        self.moved = batch_size is None
        self.calls: list[Call] = []
        self.left = 0
        self.choices = 0
        self._carried: dict[Any, int] = {}
        self._strange: list[torch.Tensor] = []  # tensors without a storage, kept from being freed
        self._agreements, self._signs = Memory(), Memory()
        for tensor in (*network.parameters(), *network.buffers()):
            self._carried[self._key(tensor)] = 0
        self._carried[self._key(images)] = IMAGES

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__.removesuffix("_")
        inputs = list(tensors((args, kwargs)))
        sources = inputs
        if name in NORMALISATIONS and len(args) > 5 and args[5]:
            # Statistics of earlier batches are written, and take no part in the result.
            sources = [x for x in inputs if x is not args[3] and x is not args[4]]
        carried = self._of(sources)
        if name in LEAVING:
            self.left |= carried
        if carried & IMAGES and moves(name, args, kwargs):
            self.moved = True
        read = None if self.hooked else self._rectified(name, args, kwargs)
        if read is not None:
            carried |= self.note(read, reader=object())
        output = func(*args, **kwargs)
        if name in COMPARISONS and len(args) == 2 and type(args[1]) in (int, float) and not args[1]:
            self._signs.keep(output, args[0])
        elif name == "_to_copy" and (signs := self._signs.recall(args[0])) is not None:
            self._signs.keep(output, signs)
        self._hand_on(func, carried, sources, args, kwargs, output)
        return output

    def note(self, x: torch.Tensor, reader: Any) -> int:
        """Note that `reader` reads `x`. Returns the bit of what it returns."""
        call = Call(x.shape, self._of([x]), reader)
        if call.carried & IMAGES:
            if self.batch_size is None or is_unclear(x.shape, self.batch_size, self.moved):
                call.codes = x.detach() > 0
            elif not self.trial:
                call.agreement = self._agreements.recall(x)
                if call.agreement is None:
                    codes = binary_codes(x)
                    call.agreement = Agreement(pairwise_active(codes), codes.shape[1])
                    self._agreements.keep(x, call.agreement)
        self.calls.append(call)
        return 1 << len(self.calls)

    def depends_on(self, value: Any) -> int:
        """Return the bits of what the tensors in `value` depend on."""
        return self._of(tensors(value))

    def let_go(self, value: Any) -> None:
        """Note that the tensors in `value` leave PyTorch."""
        self.left |= self._of(tensors(value))

    def hook(self, module: nn.Module) -> tuple:
        """Note every call of `module` as one of a rectifier. Returns the hooks' handles."""
        entered: list[int] = []

        def before(_, inputs, keywords):
            with _disable_current_modes():
                entered.append(self.note(next(tensors((inputs, keywords))), module))

        def after(_, inputs, output):
            bit = entered.pop()
            for tensor in tensors(output):
                self._carried[self._key(tensor)] = self._of([tensor]) | bit

        return (
            module.register_forward_pre_hook(before, with_kwargs=True),
            module.register_forward_hook(after),
        )

    def _rectified(self, name: str, args: tuple, kwargs: dict) -> torch.Tensor | None:
        """Return what is read if operation `name` is a rectifier, or one written by hand."""
        x = args[0] if args else kwargs.get("self", kwargs.get("input"))
        if not isinstance(x, torch.Tensor) or not (x.is_floating_point() or x.dtype == torch.bool):
            return None
        if name in RECTIFIERS:
            return x if RECTIFIERS[name](*args, **kwargs) else None
        if name == "where" and len(args) == 3:
            return self._chosen(*args)
        if name == "masked_fill" and len(args) == 3:  # of what is below 0
            return self._chosen(args[1], x, args[2])
        if name in ("index_put", "_index_put_impl"):  # x[x < 0] = 0
            return self._chosen(args[1][0], x, args[2]) if len(args[1]) == 1 else None
        if name == "mul" and len(args) == 2:  # x · (x > 0)
            for one, other in (args, args[::-1]):
                if isinstance(other, torch.Tensor) and self._signs.recall(other) is one:
                    return one
        if name in ("maximum", "max") and len(args) == 2 and isinstance(args[1], torch.Tensor):
            for one, other in (args, args[::-1]):
                if _is_zero(other):
                    return one
        return None

    def _chosen(self, condition: torch.Tensor, one: Any, other: Any) -> torch.Tensor | None:
        """Return what is read if the choice is between a tensor above 0 and zero."""
        read = None if condition is None else self._signs.recall(condition)
        if read is None:
            return None
        rest = [x for x in (one, other) if x is not read]
        if len(rest) == 1 and _is_zero(rest[0]):
            return read
        self.choices += 1
        return None

    def _hand_on(self, func, carried, inputs, args, kwargs, output) -> None:
        """Let what `func` has written carry what it has read."""
        known = {self._key(tensor) for tensor in inputs}
        for tensor in tensors(output):
            key = self._key(tensor)
            self._carried[key] = carried | (self._carried.get(key, 0) if key in known else 0)
        if func._schema.is_mutable:
            for number, argument in enumerate(func._schema.arguments):
                if argument.alias_info is None or not argument.alias_info.is_write:
                    continue
                value = args[number] if number < len(args) else kwargs.get(argument.name)
                for tensor in tensors(value):
                    key = self._key(tensor)
                    if key in known:
                        self._carried[key] |= carried

    def _of(self, found: Any) -> int:
        """Return the bits that tensors carry. Those that come from outside may carry what left."""
        carried = 0
        for tensor in found:
            carried |= self._carried.setdefault(self._key(tensor), self.left)
        return carried

    def _key(self, tensor: torch.Tensor) -> Any:
        """Return what stands for the memory of `tensor` and is no other's as long as this lives."""
        try:
            with torch._C.DisableTorchFunction():  # or `_Leaving` would take it for the network's
                return StorageWeakRef(tensor.untyped_storage())
        except (NotImplementedError, RuntimeError):  # sparse tensors and others have no storage
            self._strange.append(tensor)
            return id(tensor)


class _Leaving(TorchFunctionMode):
    """Tells a `Flow` of data that leave PyTorch by methods that are no operations."""

    def __init__(self, flow: Flow):
        super().__init__()
        self.flow = flow

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in LEAVING_METHODS:
            self.flow.let_go(args)
        return func(*args, **(kwargs or {}))


@contextmanager
def followed(flow: Flow, network: nn.Module) -> Iterator[None]:
    """Let `flow` follow what `network` does."""
    with ExitStack() as stack:
        if flow.hooked:
            for module in network.modules():
                if shows_relu(module):
                    for handle in flow.hook(module):
                        stack.callback(handle.remove)
        stack.enter_context(_Leaving(flow))
        stack.enter_context(flow)
        yield
