"""Tensors that are computed late, so that many walks over activations become one.

In an untrained convolutional network most time goes into the small things around convolutions:
batch normalisations, sums of branches, ReLUs and codes each read and write all activations. Here
batch normalisation finds out by what it multiplies and what it adds, and returns a pending tensor;
the sum of pending tensors is a longer sum; a ReLU computes its output and its codes from the terms
in one walk; and whatever else looks at a pending tensor finds an ordinary one.

The autograd graph is as it would be otherwise; for values see `naswot.scores.fused.sums`.

If a tensor is changed in place that others are still to be computed from, or that was handed out
twice, its version tells: `ChangedError`. Then nothing may be put off. Two things are not found out:
changes through `.data`, which hides them from everybody, and code that asks for the exact type of a
tensor.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd import Function
from torch.nn import functional

from naswot.scores.fused.sums import (
    MOST_TERMS,
    Sum,
    Term,
    as_term,
    constant,
    fits,
    loops,
    rows_of,
)


class LazyTensor(torch.Tensor):
    """A tensor that is computed when somebody looks at its values.

    Attributes:
        known: what it is the sum of.
        computed: the ordinary tensor, once there is one.
        version: its in-place counter then.
        now: what ReLU or an addition in place has made of it.
    """

    @staticmethod
    def __new__(cls, known: Sum) -> "LazyTensor":
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
        return func(*compute_nested(args), **compute_nested(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return func(*compute_nested(args), **compute_nested(kwargs or {}))


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


def compute_nested(value: Any) -> Any:
    """Return `value` with the tensors in it computed; they may be nested in lists and the like."""
    if isinstance(value, LazyTensor):
        return computed(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(compute_nested, value))
    if type(value) in (list, tuple):
        return type(value)(map(compute_nested, value))
    if type(value) is dict:
        return {key: compute_nested(entry) for key, entry in value.items()}
    return value


def latest(x: Any) -> Any:
    """Return what `x` is after operations in place: itself, another or an ordinary tensor."""
    while isinstance(x, LazyTensor):
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
    if not isinstance(x, LazyTensor):
        return x
    if x.computed is None:
        with torch.enable_grad():  # whoever asks, its graph is that of `x`
            x.computed = _Compute.apply(x)
        x.version = x.computed._version
    return x.computed


def is_replaceable(x: Any) -> bool:
    """Return whether `x` is pending and may be replaced: nobody has seen it, and grads flow."""
    return isinstance(x, LazyTensor) and x.computed is None and torch.is_grad_enabled()


def defer(func: Callable, args: tuple, kwargs: dict) -> torch.Tensor | None:
    """Return the output of `func`, lazy if possible; None if `func` is not one of those handled."""
    if func is functional.batch_norm:
        return normalise(*args, **kwargs)
    if func is functional.max_pool2d:
        return max_pool(*args, **kwargs)
    if len(args) != 2 or kwargs:
        return None
    if func in ADDITIONS:
        return add(*args)
    if func is torch.Tensor.add_ and is_replaceable(x := latest(args[0])):
        x.now = add(*args)
        return x.now
    if func in PRODUCTS and type(args[1]) in (int, float) and args[1] == 0:
        return times_zero(args[0])
    return None


ADDITIONS = frozenset({torch.add, torch.Tensor.add})
PRODUCTS = frozenset({torch.mul, torch.Tensor.mul})


def sum_of(x: torch.Tensor) -> Sum | None:
    """Return what is known of `x`, for an ordinary tensor itself; None if loops cannot walk it."""
    if isinstance(x, LazyTensor):
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


def relu(x: torch.Tensor, known: Sum) -> torch.Tensor:
    """Return ReLU of `x`, of which `known` is known."""
    output = _Rectify.apply(x, known)
    known.rectified_handed_out = True
    return output


# The functions below are nodes of the autograd graph. None has a gradient: nobody asks for one.


class FusedFunction(Function):
    """What is computed in the fused pass."""


class _Normalise(FusedFunction):
    @staticmethod
    def forward(ctx, x, weight, bias, eps, running, momentum):
        rows = rows_of(x)
        channels = x.shape[1]
        weight = constant(1.0, channels) if weight is None else weight.detach().float().numpy()
        bias = constant(0.0, channels) if bias is None else bias.detach().float().numpy()
        scale, shift = np.empty((2, rows.shape[1]), np.float32)
        mean, variance, finite = loops.normalisation(
            rows, torch.get_num_threads(), eps, weight, bias, scale, shift
        )
        pixels = x.numel() // channels
        for kept, found in zip(running, (mean, variance * (pixels / (pixels - 1))), strict=True):
            if kept is not None:
                kept.lerp_(torch.from_numpy(found).to(kept.dtype), momentum)
        term = Term(x.detach(), scale, shift, rows, x._version)
        return LazyTensor(Sum(x.shape, x.dtype, (term,), finite))


class _Add(FusedFunction):
    @staticmethod
    def forward(ctx, left, right, left_known, right_known):
        if not right_known.addends():
            return LazyTensor(left_known)
        if not left_known.addends():
            return LazyTensor(right_known)
        # A sum is rounded from left to right: in another order it would be another number.
        first, second = left_known, right_known
        if len(second.terms) > len(first.terms) == 1:
            first, second = second, first
        if len(second.terms) > 1:
            second.shorten()
        if len(first.terms) == MOST_TERMS:
            first.shorten()
        finite = True if first.finite and second.finite else None
        return LazyTensor(Sum(first.shape, first.dtype, first.terms + second.terms, finite))


class _Zero(FusedFunction):
    @staticmethod
    def forward(ctx, x, known):
        return LazyTensor(Sum(known.shape, known.dtype, (), True))


class _Compute(FusedFunction):
    @staticmethod
    def forward(ctx, x):
        return x.known.compute().detach()


class _Rectify(FusedFunction):
    @staticmethod
    def forward(ctx, x, known):
        return known.rectify().detach()


class _MaxPool(FusedFunction):
    @staticmethod
    def forward(ctx, x, known, kernel, stride, padding):
        return known.max_pool(kernel, stride, padding)
