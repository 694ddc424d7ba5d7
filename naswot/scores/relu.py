"""What counts as a ReLU, and the binary codes of its inputs.

ReLUs are recognised by the function that is called. It does not matter whether a network uses
`nn.ReLU`, in place or not, `torch.relu` or `functional.relu`, nor how often it uses one module.
A unit's code is 1 where the input of the ReLU is positive, and 0 elsewhere.

"ReLU" stands for all activations that are linear on both sides of one kink at 0:

- ReLU, ReLU6 (a Hardtanh from 0), `clamp(min=0)` and a Threshold at 0. The second kink of ReLU6,
  at 6, is not part of the code.
- LeakyReLU, PReLU and RReLU. The code tells which linear piece an input is on; the slope below 0
  does not matter.

Not ReLUs are Hardtanh with another bound, whose kinks lie elsewhere, and Hardswish, Hardsigmoid,
ELU, SELU, CELU, GELU, SiLU and Mish, which are curved. A network that mixes them with ReLUs, such
as MobileNetV3, is scored by its ReLUs alone.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError

# ReLUs that return the positive part of their input.
PLAIN_RELUS = frozenset(
    {
        functional.relu,
        functional.relu_,
        torch.relu,
        torch.relu_,
        torch.Tensor.relu,
        torch.Tensor.relu_,
    }
)

# ReLUs whose output may be positive where the input is negative.
LEAKY_RELUS = frozenset(
    {functional.leaky_relu, functional.leaky_relu_, functional.rrelu, functional.rrelu_}
)

RELU_FUNCTIONS = (
    PLAIN_RELUS
    | LEAKY_RELUS
    | {functional.relu6, functional.prelu, torch.Tensor.prelu, torch.rrelu}
)

# Functions that are ReLUs if a bound is 0 → the bound's keyword and its default.
RELU_IF_BOUND_IS_0 = {
    functional.hardtanh: ("min_val", -1.0),  # nn.ReLU6 is one from 0 to 6
    functional.hardtanh_: ("min_val", -1.0),
    functional.threshold: ("threshold", None),
    functional.threshold_: ("threshold", None),  # type: ignore[attr-defined]
    torch.threshold: ("threshold", None),
    torch.threshold_: ("threshold", None),
    **{
        getattr(owner, name): ("min", None)
        for owner in (torch, torch.Tensor)
        for name in ("clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_min_")
    },
}

# Floating-point type → integer type of the same width.
INTEGER_TYPES = {
    torch.float32: torch.int32,
    torch.bfloat16: torch.int16,
    torch.float16: torch.int16,
}

# Functions that may change the position of dimension 0, whatever their arguments.
PERMUTING = frozenset(
    {"movedim", "moveaxis", "t", "t_", "numpy_T", "einsum", "tensordot", "swapaxes", "swapdims"}
)


class NoReluError(NaswotError):
    """The network has no ReLU, so scores of codes do not apply to it."""


class IncompleteGraphError(Exception):
    """The autograd graph may not show all that decides which ReLUs are reachable."""


@dataclass
class CodeOverlap:
    """At how many units pairs of images are both active, for one tensor.

    Attributes:
        active: (B, B) integers, X Xᵀ for the codes X (B, units).
        units: the width of X.
    """

    active: torch.Tensor
    units: int

    @classmethod
    def of(cls, codes: torch.Tensor) -> "CodeOverlap":
        """Return the overlap of int8 `codes` (B, units)."""
        return cls(pairwise_active(codes), codes.shape[1])

    @classmethod
    def of_input(cls, x: torch.Tensor) -> "CodeOverlap":
        """Return the overlap of the codes of `x` (B, …)."""
        return cls.of(binary_codes(x))


class TensorCache:
    """Values computed from tensors. A value is valid until its tensor is freed or changed."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref, int, Any]] = {}

    def get(self, x: torch.Tensor) -> Any:
        """Return the value that was stored for `x`, or None."""
        tensor, version, value = self._entries.get(id(x), (None, None, None))
        return value if tensor is not None and tensor() is x and version == x._version else None

    def put(self, x: torch.Tensor, value: Any) -> None:
        """Store `value` for `x`. Nothing is stored for inference tensors, which have no version."""
        if x.is_inference():
            return
        key = id(x)
        reference = weakref.ref(x, lambda _: self._entries.pop(key, None))
        self._entries[key] = (reference, x._version, value)

    def get_or_compute(self, x: torch.Tensor, compute: Callable[[torch.Tensor], Any]) -> Any:
        """Return the value that was stored for `x`; if there is none, compute and store it."""
        value = self.get(x)
        if value is None:
            value = compute(x)
            self.put(x, value)
        return value


def is_relu(func: Any, args: tuple, kwargs: dict) -> bool:
    """Return whether `func`, called with these arguments, is a ReLU."""
    if func in RELU_IF_BOUND_IS_0:
        name, default = RELU_IF_BOUND_IS_0[func]
        bound = args[1] if len(args) > 1 else kwargs.get(name, default)
        return isinstance(bound, int | float) and bound == 0 and _is_float(args, kwargs)
    return func in RELU_FUNCTIONS


def _is_float(args: tuple, kwargs: dict) -> bool:
    x = args[0] if args else kwargs.get("input")
    return isinstance(x, torch.Tensor) and x.is_floating_point()


def is_relu_module(module: nn.Module) -> bool:
    """Return whether the authors' code counts `module` as a ReLU."""
    return "ReLU" in type(module).__name__


def binary_codes(x: torch.Tensor) -> torch.Tensor:
    """Return the codes of `x` (B, …) as int8 (B, units): 1 where x > 0.

    Units are in the order of memory, which does not change the distances between codes.
    """
    x = x.detach()
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    x = x.reshape(len(x), -1)
    integer = INTEGER_TYPES.get(x.dtype)
    if integer is None:
        return (x > 0).view(torch.int8)
    # A float is positive exactly if the integer with the same bits is. On a CPU this takes half the
    # time of a comparison in float32, and a tenth in bfloat16. A NaN may look positive; callers
    # search the network's output for NaNs.
    return x.view(integer).clamp(0, 1).to(torch.int8)


def pairwise_active(codes: torch.Tensor) -> torch.Tensor:
    """Return X Xᵀ, exact int32 (B, B), for int8 codes X (B, units)."""
    integers = codes.device.type == "cpu" and "AVX512" in torch.backends.cpu.get_cpu_capability()
    # With a single row or column, torch._int_mm reads beyond the tensor.
    if integers and min(codes.shape) > 1:
        return torch._int_mm(codes, codes.t())
    # Zeros, ones and sums below 2²⁴ are exact in float32, and inputs also in TF32.
    wide = codes.float()
    return (wide @ wide.t()).to(torch.int32)


def batch_position_unclear(shape: torch.Size, batch_size: int, moved: bool) -> bool:
    """Return whether the first dimension of `shape` may not be the mini-batch.

    `moved` tells whether dimensions may have been permuted. Then the first may count the steps of a
    sequence, as in (S, B, C), even if S equals B.
    """
    if not shape or shape[0] != batch_size:
        return True
    return moved and any(size % batch_size == 0 for size in shape[1:])


def may_move_batch(name: str, args: tuple, kwargs: dict) -> bool:
    """Return whether the function or operation `name` may move dimension 0 of its input."""
    if name in ("transpose", "transpose_"):
        dimensions = (*args[1:], *kwargs.values())
        return 0 in dimensions or -args[0].ndim in dimensions
    if name == "permute":
        order = args[1:] if len(args) > 2 else next(iter((*args[1:], *kwargs.values())), (1,))
        return (order[0] if len(order) else 0) not in (0, -len(order))
    if name in ("stack", "cat", "concat", "concatenate", "unsqueeze", "unsqueeze_"):
        return (args[1] if len(args) > 1 else kwargs.get("dim", 0)) == 0
    return name in PERMUTING
