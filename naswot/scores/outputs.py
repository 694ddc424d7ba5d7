"""Find the tensors in the arguments and outputs of networks, in containers of any kind."""

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in `value`: one, or nested in containers and objects of any kind.

    Containers are mappings, tuples, lists, sets, dataclasses, and objects with attributes other
    than modules and functions. A container that contains itself is searched once.
    """
    return _tensors(value, set())


def has_nan(value: Any) -> bool:
    """Return whether a tensor in `value` contains NaN, which looks like 0 in a code."""
    return any(bool(tensor.isnan().any()) for tensor in tensors_in(value))


def _tensors(value: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
        return
    parts = _parts(value)
    if parts is None or id(value) in seen:
        return
    seen.add(id(value))
    for part in parts:
        yield from _tensors(part, seen)


# Types without tensors, which are frequent.
PLAIN = (type(None), bool, int, float, complex, str, bytes, type, torch.dtype, torch.device)
# Types of code, not of data.
CODE = (torch.nn.Module, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def _parts(value: Any) -> Iterator[Any] | None:
    """Return the contents of `value`; None if it is not a container."""
    if isinstance(value, PLAIN):
        return None
    if isinstance(value, Mapping):
        return iter(list(value.values()))
    if isinstance(value, tuple | list | set | frozenset | deque):
        return iter(value)
    if dataclasses.is_dataclass(value):
        return (getattr(value, field.name, None) for field in dataclasses.fields(value))
    if isinstance(value, CODE):
        return None
    names = [*getattr(value, "__dict__", ())]
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    return (getattr(value, name, None) for name in names)
