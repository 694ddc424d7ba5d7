"""Tensors that are computed late, so that many walks over activations become one.

In an untrained convolutional network most time goes into the small things around convolutions:
batch normalisations, sums of branches, ReLUs and codes each read and write all activations. Here
batch normalisation finds out by what it multiplies and what it adds, and returns a pending tensor;
the sum of pending tensors is a longer sum; a ReLU computes its output and its codes from the terms
in one walk; and whatever else looks at a pending tensor finds an ordinary one.

The autograd graph is as it would be otherwise. In float32 values are those of torch to the last
bit; in bfloat16 a sum is rounded once, not term by term.

If a tensor is changed in place that others are still to be computed from, or that was handed out
twice, its version tells: `ChangedError`. Then nothing may be put off. Two things are not found out:
changes through `.data`, which hides them from everybody, and code that asks for the exact type of a
tensor.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.autograd import Function
from torch.nn import functional

try:
    from naswot.scores import loops
except ImportError:  # without numba nothing is put off
    loops = None

LANES = 512  # numbers in a row of the loops, at least
MOST_TERMS = 3
AS_NUMPY = {torch.float32: torch.float32, torch.bfloat16: torch.uint16}


class ChangedError(RuntimeError):
    """A tensor was changed in place that others are computed from."""


@dataclass(eq=False, slots=True)
class Term:
    """An addend, tensor·scale + shift.

    Attributes:
        tensor: (B, C, H, W), channels-last.
        scale, shift: float32 (lanes,), channel by channel, repeated; lanes are those of `rows`.
        rows: the tensor's numbers, (rows, lanes).
        version: the tensor's in-place counter.
    """

    tensor: torch.Tensor
    scale: np.ndarray
    shift: np.ndarray
    rows: np.ndarray
    version: int


@dataclass(eq=False, slots=True)
class Sum:
    """What is known of a tensor. Pending tensors may share it.

    Attributes:
        shape, dtype: of the tensor.
        terms: its addends; none: it is zero.
        finite: True if all its numbers are; None if that is not known.
        value: the tensor, once it is computed; then it is the only term.
        value_handed_out: whether somebody has been given `value`.
        rectified, rectified_version: the same for ReLU of it.
        active: int32 (B, B), at how many units two inputs are both positive; with `rectified`.
        rectified_handed_out: whether somebody has been given `rectified`.
    """

    shape: torch.Size
    dtype: torch.dtype
    terms: tuple[Term, ...]
    finite: bool | None = None
    value: torch.Tensor | None = None
    value_handed_out: bool = False
    rectified: torch.Tensor | None = None
    rectified_version: int = 0
    active: torch.Tensor | None = None
    rectified_handed_out: bool = False

    def addends(self) -> tuple[Term, ...]:
        """Return the terms.

        Raises:
            ChangedError: one has been changed since, or ReLU of them has.
        """
        if any(term.tensor._version != term.version for term in self.terms):
            raise ChangedError
        if self.rectified is not None and self.rectified._version != self.rectified_version:
            raise ChangedError
        return self.terms

    def threads(self) -> int:
        """Return how many threads to split the images among."""
        return min(torch.get_num_threads(), self.shape[0])

    def is_finite(self) -> bool:
        """Return whether all numbers are finite."""
        if self.finite is None:
            self.finite = all(bool(term.tensor.sum().isfinite()) for term in self.addends())
        return self.finite

    def compute(self) -> torch.Tensor:
        """Return the tensor, a copy if somebody has it: each may do with it what it likes."""
        self.shorten()
        if self.value_handed_out:
            return self.value.clone(memory_format=torch.preserve_format)
        self.value_handed_out = True
        return self.value

    def shorten(self) -> None:
        """Make the tensor its only term."""
        terms = self.addends()
        if self.value is None:
            self.value = self._fill(terms, loops.add_up)
            self.terms = (as_term(self.value),)

    def rectify(self) -> torch.Tensor:
        """Return ReLU of the tensor, and note at how many units two inputs are both positive."""
        terms = self.addends()
        if self.rectified is None:
            images, channels, height, width = self.shape
            lanes = lanes_of(self.shape)
            rows = channels * height * width // lanes  # of one image
            codes = np.zeros((images, -(-rows // 8), lanes), np.uint8)
            self.rectified = self._fill(terms, loops.rectify, codes)
            self.rectified_version = self.rectified._version
            self.active = torch.from_numpy(loops.agree(self.threads(), codes))
        return self.rectified

    def max_pool(self, kernel: int, stride: int, padding: int) -> torch.Tensor:
        """Return the highest numbers of squares of `kernel` pixels."""
        images, channels, height, width = self.shape
        rows, columns = ((n + 2 * padding - kernel) // stride + 1 for n in (height, width))
        output = self._empty(images, channels, rows, columns)

        def whole_rows(part: np.ndarray) -> np.ndarray:
            if part.ndim == 2:
                return part.reshape(images * height, width * channels)
            return np.resize(part[:channels], width * channels)

        count, parts = _for_loops(self.addends())
        loops.max_pool(
            self.threads(),
            count,
            tuple(map(whole_rows, parts)),
            rows_of(output).reshape(images * rows, columns * channels),
            images,
            width,
            kernel,
            stride,
            padding,
        )
        return output

    def _fill(self, terms: tuple[Term, ...], loop: Callable, *others: np.ndarray) -> torch.Tensor:
        output = self._empty(*self.shape)
        if not terms:
            return output.zero_()
        loop(self.threads(), *_for_loops(terms), rows_of(output), *others)
        return output

    def _empty(self, *shape: int) -> torch.Tensor:
        return torch.empty(shape, dtype=self.dtype, memory_format=torch.channels_last)


def _for_loops(terms: tuple[Term, ...]) -> tuple[int, tuple[np.ndarray, ...]]:
    """Return how many terms there are, and rows, scales and shifts of three."""
    padded = terms + terms[:1] * (MOST_TERMS - len(terms))
    return len(terms), tuple(
        part for term in padded for part in (term.rows, term.scale, term.shift)
    )


class Pending(torch.Tensor):
    """A tensor that is computed when somebody looks at its values.

    Attributes:
        known: what it is the sum of.
        computed: the ordinary tensor, once there is one.
        version: its in-place counter then.
        now: what ReLU or an addition in place has made of it.
    """

    @staticmethod
    def __new__(cls, known: Sum) -> "Pending":
        """Return a tensor without values, channels-last, of which `known` is known."""
        _, c, h, w = known.shape
        made = torch.Tensor._make_wrapper_subclass(
            cls, known.shape, strides=(c * h * w, 1, c * w, c), dtype=known.dtype
        )
        made.known, made.computed, made.version, made.now = known, None, 0, None
        return made

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in ABOUT:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*map(latest, args), **(kwargs or {}))
        return func(*settled(args), **settled(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return func(*settled(args), **settled(kwargs or {}))


# What tells about a tensor without looking at its values.
ABOUT = frozenset(
    [
        getattr(torch.Tensor, name)
        for name in (
            "size",
            "dim",
            "numel",
            "stride",
            "is_contiguous",
            "is_floating_point",
            "__len__",
        )
    ]
    + [
        getattr(torch.Tensor, name).__get__
        for name in ("shape", "ndim", "dtype", "device", "is_cuda", "grad_fn", "requires_grad")
    ]
)


def settled(value: Any) -> Any:
    """Return `value` with the tensors in it computed; they may be nested in lists and the like."""
    if isinstance(value, Pending):
        return computed(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(settled, value))
    if type(value) in (list, tuple):
        return type(value)(map(settled, value))
    if type(value) is dict:
        return {key: settled(entry) for key, entry in value.items()}
    return value


def latest(x: Any) -> Any:
    """Return what `x` is after operations in place: itself, another or an ordinary tensor."""
    while isinstance(x, Pending):
        if x.now is not None:
            x = x.now
        elif x.computed is not None and x.computed._version != x.version:
            x = x.computed
        else:
            break
    return x


def computed(x: torch.Tensor) -> torch.Tensor:
    """Return `x` as an ordinary tensor."""
    x = latest(x)
    if not isinstance(x, Pending):
        return x
    if x.computed is None:
        with torch.enable_grad():  # whoever asks, its graph is that of `x`
            x.computed = _Compute.apply(x)
        x.version = x.computed._version
    return x.computed


def unseen(x: Any) -> bool:
    """Return whether `x` is pending and may be replaced: nobody has seen it, and grads flow."""
    return isinstance(x, Pending) and x.computed is None and torch.is_grad_enabled()


def lanes_of(shape: torch.Size) -> int:
    """Return how many numbers of a (B, C, H, W) tensor make a row; an image is whole rows."""
    _, channels, height, width = shape
    pixels = 1
    while pixels * channels < LANES and height * width % (2 * pixels) == 0:
        pixels *= 2
    return pixels * channels


def rows_of(x: torch.Tensor) -> np.ndarray:
    """Return the numbers of channels-last `x` as (rows, lanes), without a copy."""
    lanes = lanes_of(x.shape)
    flat = x.detach().as_strided((x.numel() // lanes, lanes), (lanes, 1))
    return flat.view(AS_NUMPY[x.dtype]).numpy()


@cache
def _constant(value: float, length: int) -> np.ndarray:
    return np.full(length, value, np.float32)


def as_term(x: torch.Tensor) -> Term:
    """Return `x` as a term."""
    rows = rows_of(x)
    lanes = rows.shape[1]
    return Term(x.detach(), _constant(1.0, lanes), _constant(0.0, lanes), rows, x._version)


def fits(x: Any) -> bool:
    """Return whether `x` is a tensor that the loops can walk over."""
    return (
        loops is not None
        and type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.ndim == 4
        and x.shape[1] > 1  # with one channel torch takes other ways
        and x.dtype in AS_NUMPY
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.numel() > 0
        and not x.is_inference()
    )


@dataclass
class Postponed:
    """What is put off during one forward pass."""

    shared: list[tuple[torch.Tensor, int]] = field(default_factory=list)

    def call(self, func: Callable, args: tuple, kwargs: dict) -> torch.Tensor | None:
        """Return what `func` would return, put off; None if it is not to be put off."""
        if func is functional.batch_norm:
            return normalise(*args, **kwargs)
        if func is functional.max_pool2d:
            return max_pool(*args, **kwargs)
        if len(args) != 2 or kwargs:
            return None
        if func in ADDITIONS:
            return add(*args)
        if func is torch.Tensor.add_ and unseen(x := latest(args[0])):
            x.now = add(*args)
            return x.now
        if func in PRODUCTS and type(args[1]) in (int, float) and args[1] == 0:
            return times_zero(args[0])
        return None

    def relu(self, x: torch.Tensor, known: Sum) -> torch.Tensor:
        """Return ReLU of `x`, of which `known` is known."""
        output = _Rectify.apply(x, known)
        if known.rectified_handed_out:
            self.shared.append((known.rectified, known.rectified_version))
        known.rectified_handed_out = True
        return output

    def check(self) -> None:
        """Raise ChangedError if what was handed out twice has been changed."""
        if any(tensor._version != version for tensor, version in self.shared):
            raise ChangedError


ADDITIONS = frozenset({torch.add, torch.Tensor.add})
PRODUCTS = frozenset({torch.mul, torch.Tensor.mul})


def sum_of(x: torch.Tensor) -> Sum | None:
    """Return what is known of `x`, for an ordinary tensor itself; None if loops cannot walk it."""
    if isinstance(x, Pending):
        return x.known
    return Sum(x.shape, x.dtype, (as_term(x),)) if fits(x) else None


def normalise(
    input: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """`functional.batch_norm`, put off if it can be."""
    x = computed(input)
    if training and fits(x) and x.numel() > x.shape[1] and eps > 0:
        return _Normalise.apply(x, weight, bias, eps, (running_mean, running_var), momentum)
    return functional.batch_norm(
        x, running_mean, running_var, weight, bias, training, momentum, eps
    )


def add(left: Any, right: Any) -> torch.Tensor | None:
    """Return the sum of two tensors, put off; None for others."""
    left, right = latest(left), latest(right)
    if not (isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor)):
        return None
    if left.shape != right.shape or left.dtype != right.dtype:
        return None
    known = sum_of(left), sum_of(right)
    return None if None in known else _Add.apply(left, right, *known)


def max_pool(
    input: torch.Tensor,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | None:
    """`functional.max_pool2d` of what is pending; None for what the loops cannot do."""
    x = latest(input)
    stride = kernel_size if stride is None else stride
    plain = dilation == 1 and not ceil_mode and not return_indices and kernel_size in (2, 3)
    if not plain or {type(stride), type(padding)} != {int}:
        return None
    if stride < 1 or not 0 <= 2 * padding <= kernel_size:
        return None
    known = sum_of(x)
    if known is None or not known.addends() or min(known.shape[2:]) + 2 * padding < kernel_size:
        return None
    return _MaxPool.apply(x, known, kernel_size, stride, padding)


def times_zero(x: Any) -> torch.Tensor | None:
    """Return the product of a tensor with 0, put off; None if it is not made of zeros."""
    x = latest(x)
    known = sum_of(x)
    return None if known is None or not known.is_finite() else _Zero.apply(x, known)


# The functions below are nodes of the autograd graph. None has a gradient: nobody asks for one.


class _Normalise(Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps, running, momentum):
        rows = rows_of(x)
        channels = x.shape[1]
        weight = _constant(1.0, channels) if weight is None else weight.detach().float().numpy()
        bias = _constant(0.0, channels) if bias is None else bias.detach().float().numpy()
        scale, shift = np.empty((2, rows.shape[1]), np.float32)
        mean, variance, finite = loops.normalisation(
            rows, torch.get_num_threads(), eps, weight, bias, scale, shift
        )
        pixels = x.numel() // channels
        for kept, found in zip(running, (mean, variance * (pixels / (pixels - 1))), strict=True):
            if kept is not None:
                kept.lerp_(torch.from_numpy(found).to(kept.dtype), momentum)
        term = Term(x.detach(), scale, shift, rows, x._version)
        return Pending(Sum(x.shape, x.dtype, (term,), finite))


class _Add(Function):
    @staticmethod
    def forward(ctx, left, right, left_known, right_known):
        if not right_known.addends():
            return Pending(left_known)
        if not left_known.addends():
            return Pending(right_known)
        # A sum is rounded from left to right: in another order it would be another number.
        first, second = left_known, right_known
        if len(second.terms) > len(first.terms) == 1:
            first, second = second, first
        if len(second.terms) > 1:
            second.shorten()
        if len(first.terms) == MOST_TERMS:
            first.shorten()
        finite = True if first.finite and second.finite else None
        return Pending(Sum(first.shape, first.dtype, first.terms + second.terms, finite))


class _Zero(Function):
    @staticmethod
    def forward(ctx, x, known):
        return Pending(Sum(known.shape, known.dtype, (), True))


class _Compute(Function):
    @staticmethod
    def forward(ctx, x):
        return x.known.compute().detach()


class _Rectify(Function):
    @staticmethod
    def forward(ctx, x, known):
        return known.rectify().detach()


class _MaxPool(Function):
    @staticmethod
    def forward(ctx, x, known, kernel, stride, padding):
        return known.max_pool(kernel, stride, padding)
