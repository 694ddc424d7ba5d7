"""Count the operations and the memory of a forward pass, in one pass that computes no values.

- Operations: what `torch.utils.flop_counter` counts, by its formulas: convolutions, matrix products
  and attention, with two for a multiplication and an addition.
- Memory: the largest sum of bytes of the tensors that are alive at one moment, as PyTorch runs the
  network without gradients. The input counts throughout; parameters, buffers and other tensors that
  exist before the pass do not, nor does what an operation allocates and frees inside. Tensors that
  share memory, such as views, count once.

On torch's meta device tensors have shapes and no values. Networks repeat the same operation on the
same shapes, so what an operation makes of shapes is looked up after the first time.
"""

import functools
import itertools
import math
import weakref
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from naswot.errors import NaswotError
from naswot.scores.copying import copy_network
from naswot.scores.dispatch import DispatchMode
from naswot.scores.inputs import Inputs
from naswot.scores.outputs import tensors_in

aten = torch.ops.aten
# How many outputs count of operations that return statistics on the meta device and not on CPUs.
COUNTED = {aten.native_batch_norm.default: 1}
# Operators of CPUs that the registry of torch lacks.
ON_CPU = {
    aten._scaled_dot_product_flash_attention_for_cpu: flop_registry[
        aten._scaled_dot_product_flash_attention
    ]
}
COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
MOST_KNOWN = 100_000  # operations on shapes that are remembered


@dataclass(frozen=True)
class Tally:
    """Costs of a forward pass.

    Attributes:
        flops: operations.
        memory: peak bytes of the tensors alive at one moment; NaN where torch shows no tensors, in
            networks with higher-order operators.
    """

    flops: float
    memory: float


def tally(network: nn.Module, image: Inputs) -> Tally:
    """Return the costs of `network(image)`, (1, …).

    The pass runs on the meta device, without a change of `network`; or as it is given, if it needs
    values, and then it may change `network`.
    """
    try:
        return tally_as_given(on_meta(network), image.to("meta"))
    except (NaswotError, RuntimeError):
        # It needs values, or has tensors that are not moved.
        return tally_as_given(network, image)


def tally_as_given(network: nn.Module, image: Inputs) -> Tally:
    """Return the costs of `network(image)`, (1, …), on their device. It may change `network`."""
    fast_attention = torch.backends.mha.get_fastpath_enabled()
    # Its fused operators hide the products inside.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            try:
                with _Tally(network, image) as counted:
                    network(image)
                return Tally(float(counted.flops), float(counted.peak))
            except _HigherOrderError:
                with FlopCounterMode(display=False) as counter:
                    network(image)
                return Tally(float(counter.get_total_flops()), math.nan)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_attention)


def on_meta(network: nn.Module) -> nn.Module:
    """Return a copy of `network` on the meta device; its weights are not copied.

    Raises:
        NaswotError: it cannot be copied.
    """
    memo = {id(tensor): _like(tensor) for tensor in held(network)}
    copied = copy_network(network, memo=memo)
    moved = all(tensor.is_meta for tensor in held(copied))
    plain = all(type(module).to is nn.Module.to for module in copied.modules())
    return copied if moved and plain else copied.to("meta")


def held(network: nn.Module) -> list[torch.Tensor]:
    """Return the parameters and buffers of `network`."""
    return [
        tensor
        for module in network.modules()
        for tensor in itertools.chain(module._parameters.values(), module._buffers.values())
        if tensor is not None
    ]


def _like(tensor: torch.Tensor) -> torch.Tensor:
    made = torch.empty_like(tensor, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(made, tensor.requires_grad)
    return made


class _HigherOrderError(Exception):
    """An operator that calls functions, such as `torch.cond`."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What an operation makes of shapes.

    Attributes:
        flops: its operations.
        made: per output, shape, strides and type of a new tensor, or the position of the argument
            that it is.
        single: whether it returns a tensor and no tuple.
    """

    flops: int
    made: tuple[tuple[torch.Size, tuple[int, ...], torch.dtype] | int, ...]
    single: bool


_KNOWN: dict[Hashable, _Known] = {}


class _Tally(DispatchMode):
    """Counts operations and living tensors while it is entered."""

    supports_higher_order_operators = True

    def __init__(self, network: nn.Module, image: Inputs):
        super().__init__()
        self.flops = self.alive = self.peak = 0
        # Storage → a reference whose end lowers `alive`; None for what exists before the pass.
        self._storages: dict[int, weakref.ref | None] = {
            storage._cdata: None for storage in map(_storage, held(network)) if storage is not None
        }
        tree = image if isinstance(image, torch.Tensor) else image.tree
        self._add(tensors_in(tree))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if isinstance(func, torch._ops.HigherOrderOperator):
            raise _HigherOrderError
        if _is_composite(func):
            with self:
                return func._op_dk(COMPOSITE, *args, **kwargs)
        key = None
        if not types or all(issubclass(one, nn.Parameter) for one in types):
            key = _key(func, args, kwargs)
        known = None if key is None else _KNOWN.get(key)
        if known is None:
            return self._run(func, args, kwargs, key)
        self.flops += known.flops
        out = [args[one] if isinstance(one, int) else _like_known(*one) for one in known.made]
        self._add(out[: COUNTED.get(func)])
        return out[0] if known.single else tuple(out)

    def _run(self, func: Any, args: tuple, kwargs: dict, key: Hashable) -> Any:
        """Run an operation and remember under `key`, if there is one, what it makes of shapes."""
        out = func(*args, **kwargs)
        packet = func._overloadpacket
        formula = flop_registry.get(packet) or ON_CPU.get(packet)
        flops = 0 if formula is None else formula(*args, **kwargs, out_val=out)
        self.flops += flops
        if key is not None and len(_KNOWN) < MOST_KNOWN:
            made = _made(out, args, kwargs)
            # An operation that resizes an argument has another key afterwards.
            if made is not None and _key(func, args, kwargs) == key:
                _KNOWN[key] = _Known(flops, made, isinstance(out, torch.Tensor))
        if any(one.alias_info is not None for one in func._schema.returns):
            # It allocates nothing. What it views may be a tensor from before the pass.
            for tensor in tensors_in(out):
                if (storage := _storage(tensor)) is not None:
                    self._storages.setdefault(storage._cdata, None)
        else:
            self._add(tensors_in(out[: COUNTED[func]] if func in COUNTED else out))
        return out

    def _add(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count tensors that are new as alive."""
        for tensor in tensors:
            storage = _storage(tensor)
            if storage is None or storage._cdata in self._storages:
                continue
            key, size = storage._cdata, storage.nbytes()
            self._storages[key] = weakref.ref(storage, functools.partial(self._free, key, size))
            self.alive += size
        self.peak = max(self.peak, self.alive)

    def _free(self, key: int, size: int, _: weakref.ref) -> None:
        del self._storages[key]
        self.alive -= size


def _like_known(shape: torch.Size, strides: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.empty_strided(shape, strides, dtype=dtype, device="meta")


def _storage(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    """Return the memory of a tensor; None for tensors without, such as sparse ones."""
    try:
        return tensor.untyped_storage()
    except (RuntimeError, ValueError):
        return None


@functools.cache
def _is_composite(func: Any) -> bool:
    """Return whether an operation is made of others, which count in its place."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), COMPOSITE)


class _NoKeyError(Exception):
    """Arguments that cannot be looked up."""


def _key(func: Any, args: tuple, kwargs: dict) -> Hashable:
    """Return the operation with the shapes of its arguments; None if values may matter."""
    if not args or not isinstance(args[0], (torch.Tensor, list, tuple)):
        return None  # it may make tensors of nothing, on any device
    try:
        described = func, _described(args), _described(tuple(kwargs.items()))
        hash(described)
    except (_NoKeyError, TypeError):
        return None
    return described


def _described(value: Any) -> Hashable:
    if isinstance(value, torch.Tensor):
        if not value.is_meta or value.layout is not torch.strided:
            raise _NoKeyError
        return value.shape, value.stride(), value.dtype
    if isinstance(value, (tuple, list)):
        return tuple([_described(one) for one in value])
    return type(value), value  # 1, 1.0 and True are equal


def _made(out: Any, args: tuple, kwargs: dict) -> tuple | None:
    """Return `_Known.made`; None if an output is a view or no plain tensor."""
    outputs = (out,) if isinstance(out, torch.Tensor) else out
    if not isinstance(outputs, tuple):
        return None
    taken = {tensor.untyped_storage()._cdata for tensor in tensors_in([args, kwargs])}
    made: list = []
    for tensor in outputs:
        if not isinstance(tensor, torch.Tensor) or not tensor.is_meta:
            return None
        same = [number for number, one in enumerate(args) if one is tensor]
        if same:
            made.append(same[0])
            continue
        storage = tensor.untyped_storage()
        if storage._cdata in taken or tensor.storage_offset():
            return None
        taken.add(storage._cdata)
        made.append((tensor.shape, tensor.stride(), tensor.dtype))
    return tuple(made)
