"""What a rectifier is, and the codes that it gives a mini-batch.

Rectifiers are found by the function that is called, so it does not matter whether a network
uses `nn.ReLU`, in place or not, `nn.ReLU6`, `torch.relu` or `functional.relu`, nor how often
one module is used. The binary code of an input is 1 where a rectifier's input is positive.

Which activations have a code:

- ReLU and ReLU6 (a Hardtanh from 0), `clamp(min=0)` and a Threshold at 0; that ReLU6 bends again at
  6 is left out of the code.
- LeakyReLU, PReLU and RReLU: linear on both sides of a kink at 0, so the same code tells which
  linear piece an input is on; the slope below 0 does not matter.
- Not Hardtanh from another bound, whose kinks lie elsewhere, nor Hardswish, Hardsigmoid, ELU,
  SELU, CELU, GELU, SiLU and Mish, which are curved: there is no linear piece to name. A network
  that mixes them with rectifiers, as MobileNetV3 does, is scored by its rectifiers alone.
"""

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError

RECTIFIERS = frozenset(
    {
        functional.relu,
        functional.relu_,
        functional.relu6,
        torch.relu,
        torch.relu_,
        torch.Tensor.relu,
        torch.Tensor.relu_,
        functional.leaky_relu,
        functional.leaky_relu_,
        functional.prelu,
        torch.Tensor.prelu,
        functional.rrelu,
        functional.rrelu_,
        torch.rrelu,
    }
)

# Those that may give what is negative a positive sign.
LEAKY = frozenset(
    {functional.leaky_relu, functional.leaky_relu_, functional.rrelu, functional.rrelu_}
)

# Those that return the positive part of what they read.
RELUS = frozenset(
    {
        functional.relu,
        functional.relu_,
        torch.relu,
        torch.relu_,
        torch.Tensor.relu,
        torch.Tensor.relu_,
    }
)

# The integer that is as wide as a float.
BITS = {torch.float32: torch.int32, torch.bfloat16: torch.int16, torch.float16: torch.int16}


class NoRectifierError(NaswotError):
    """The network has no rectifier, so scores made of codes do not apply to it."""


class UnsettledError(Exception):
    """The autograd graph does not tell for sure which rectifiers count."""


@dataclass
class Agreement:
    """How often pairs of inputs are active together at one tensor.

    Attributes:
        active: (B, B) integer matrix X Xᵀ of the codes X (B, units).
        units: number of units, the width of X.
    """

    active: torch.Tensor
    units: int


class Memory:
    """What is known of tensors, as long as they live and nobody changes them in place."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref, int, Any]] = {}

    def recall(self, x: torch.Tensor) -> Any:
        """Return what is known of `x`, or None."""
        tensor, version, known = self._known.get(id(x), (None, None, None))
        return known if tensor is not None and tensor() is x and version == x._version else None

    def keep(self, x: torch.Tensor, known: Any) -> None:
        """Remember what is known of `x`."""
        if x.is_inference():
            return  # changes in place would go unnoticed
        key = id(x)
        forget = weakref.ref(x, lambda _: self._known.pop(key, None))
        self._known[key] = (forget, x._version, known)


# Functions that are rectifiers if they bend at 0 → the argument that says where, and its default.
BENDING = {
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


def rectifies(func: Any, args: tuple, kwargs: dict) -> bool:
    """Return whether `func`, called with these arguments, is a rectifier."""
    if func in BENDING:
        name, default = BENDING[func]
        bound = args[1] if len(args) > 1 else kwargs.get(name, default)
        return isinstance(bound, int | float) and bound == 0 and _is_float(args, kwargs)
    return func in RECTIFIERS


def _is_float(args: tuple, kwargs: dict) -> bool:
    x = args[0] if args else kwargs.get("input")
    return isinstance(x, torch.Tensor) and x.is_floating_point()


def shows_relu(module: nn.Module) -> bool:
    """Return whether the authors' code takes `module` for a ReLU."""
    return "ReLU" in type(module).__name__


def binary_codes(x: torch.Tensor) -> torch.Tensor:
    """Return the codes of tensor `x` (B, …) as int8 (B, units): 1 where x > 0.

    The order of the units is that of memory; distances between codes do not depend on it.
    """
    x = x.detach()
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    x = x.reshape(len(x), -1)
    bits = BITS.get(x.dtype)
    if bits is None:
        return (x > 0).view(torch.int8)
    # A float is positive exactly if its bits, read as an integer, are: on a CPU this takes half
    # of a comparison's time in float32 and a tenth in bfloat16. (A NaN may read as positive;
    # whoever asks looks for NaNs in the output.)
    return x.view(bits).clamp(0, 1).to(torch.int8)


def pairwise_active(codes: torch.Tensor) -> torch.Tensor:
    """Return X Xᵀ of int8 codes X (B, units) as an exact int32 matrix (B, B)."""
    integers = codes.device.type == "cpu" and "AVX512" in torch.backends.cpu.get_cpu_capability()
    # Of a single column (or row) torch's integer product mistakes the strides and reads beyond it.
    if integers and min(codes.shape) > 1:
        return torch._int_mm(codes, codes.t())
    # Zeros, ones and sums below 2²⁴ are exact in float32, and in TF32 inputs too.
    wide = codes.float()
    return (wide @ wide.t()).to(torch.int32)


def is_unclear(shape: torch.Size, batch_size: int, moved: bool) -> bool:
    """Return whether the mini-batch may not be the first dimension of a tensor of this shape.

    `moved` tells whether dimensions may have changed places: then sequences may come first, as in
    (S, B, C), also where S is B.
    """
    if not shape or shape[0] != batch_size:
        return True
    return moved and any(size % batch_size == 0 for size in shape[1:])


PERMUTING = frozenset(
    {"movedim", "moveaxis", "t", "t_", "numpy_T", "einsum", "tensordot", "swapaxes", "swapdims"}
)


def moves(name: str, args: tuple, kwargs: dict) -> bool:
    """Return whether the function or operation `name` may give the mini-batch another place."""
    if name in ("transpose", "transpose_"):
        dimensions = (*args[1:], *kwargs.values())
        return 0 in dimensions or -args[0].ndim in dimensions
    if name == "permute":
        order = args[1:] if len(args) > 2 else next(iter((*args[1:], *kwargs.values())), (1,))
        return (order[0] if len(order) else 0) not in (0, -len(order))
    if name in ("stack", "cat", "concat", "concatenate", "unsqueeze", "unsqueeze_"):
        return (args[1] if len(args) > 1 else kwargs.get("dim", 0)) == 0
    return name in PERMUTING
