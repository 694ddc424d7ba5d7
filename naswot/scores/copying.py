"""Copies of networks, for functions that may change what they get."""

import copy
import io
import pickle
import types
from functools import cached_property
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.failures import one_line

# Classes, functions and constants, of which there is one each. Constants are pickled by name.
SHARED = (
    *(type, types.FunctionType, types.BuiltinFunctionType),
    *(torch.dtype, torch.layout, torch.memory_format, torch.qscheme),
)


def copy_network(
    network: nn.Module, name: str | None = None, memo: dict[int, Any] | None = None
) -> nn.Module:
    """Return a copy of `network`; `name`, or its class, stands for it in messages.

    `memo` has the copies of parts that are not to be copied, by `id`.

    Raises:
        NaswotError: it cannot be copied.
    """
    try:
        return copy.deepcopy(network, memo)
    except Exception as error:  # it holds a lock, an open file, tensors of a graph, …
        raise NaswotError(
            f"{name or type(network).__name__} cannot be copied ({one_line(error)}) Pass a "
            "function that builds it."
        ) from error


class Copier:
    """Makes copies of `network`, which has to stay as it is meanwhile.

    The structure is pickled once, in memory, and read for each copy; nothing is imported by name.
    That takes a third of the time of `copy_network`, which is left for networks with parts that
    cannot be pickled, or that have a way of their own to be copied.
    """

    def __init__(self, network: nn.Module):
        self._network = network

    @cached_property
    def _pickled(self) -> "tuple[bytes, list[Any]] | None":
        stream = io.BytesIO()
        pickler = _Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            pickler.dump(self._network)
        except Exception:  # a part may raise anything
            return None
        return stream.getvalue(), pickler.parts

    def __call__(self) -> nn.Module:
        """Return a copy. Raises `NaswotError` if the network cannot be copied."""
        if self._pickled is not None:
            try:
                return _Unpickler(*self._pickled).load()
            except Exception:  # as above; it would fail again, and `copy_network` says why
                self._pickled = None
        return copy_network(self._network)


class _Pickler(pickle.Pickler):
    """Leaves out tensors, and what copies share, and keeps them in `parts`."""

    def __init__(self, stream: io.BytesIO, protocol: int):
        super().__init__(stream, protocol)
        self.parts: list[Any] = []

    def persistent_id(self, part: Any) -> int | None:
        if isinstance(part, (torch.Tensor, *SHARED)):
            self.parts.append(part)
            return len(self.parts) - 1
        if hasattr(type(part), "__deepcopy__"):
            raise pickle.PicklingError(f"{type(part).__name__} has its own way to be copied")
        return None

    def reducer_override(self, part: Any) -> Any:
        # By default a method is looked up by its name, in an object that has no attributes yet. So
        # the class's method would take the place of one that was set on the object.
        if isinstance(part, types.MethodType):
            return types.MethodType, (part.__func__, part.__self__)
        return NotImplemented


class _Unpickler(pickle.Unpickler):  # noqa: TID251, it reads our own pickle and imports nothing
    """Puts copies of `parts` in their places. Tensors that share memory share it in the copy."""

    def __init__(self, pickled: bytes, parts: list[Any]):
        super().__init__(io.BytesIO(pickled))
        self._parts = parts
        self._copied: dict[int, Any] = {}

    def persistent_load(self, number: int) -> Any:
        return copy.deepcopy(self._parts[number], self._copied)

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} would be imported")
