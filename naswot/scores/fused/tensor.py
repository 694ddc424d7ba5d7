"""Lazy tensors, which fuse many passes over activations into one.

In an untrained convolutional network most time goes into what surrounds the convolutions: batch
normalisations, sums of branches, ReLUs and codes each read and write all activations. Here batch
normalisation computes its scale and shift, and returns a lazy tensor. The sum of lazy tensors is a
lazy tensor of more terms. ReLU computes its output and its codes from the terms in one pass. Any
other code that uses a lazy tensor gets an ordinary one.

The autograd graph has the same shape as without lazy tensors. `naswot.scores.fused.sums` says how
values compare.

The in-place counters of tensors (their versions) show whether the network has changed a tensor that
others are still computed from, or that was returned twice. `ChangedError` is raised then, and the
network has to be computed without lazy tensors. Two things go unnoticed: changes through `.data`,
which no counter shows, and code that depends on the exact type of a tensor.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Function
from torch.nn import functional

from naswot.scores.fused.sums import Sum, added, as_term, constant, is_supported, normalised


class LazyTensor(torch.Tensor):
    """A tensor that is computed when its values are needed.

    Attributes:
        deferred: the sum that it stands for.
        computed: the ordinary tensor, once it is computed.
        version: the version of `computed` at that time.
        replacement: the result of the last ReLU or addition in place, if any.
    """

    computed: torch.Tensor | Any
    version: int
    deferred: Sum
    replacement: torch.Tensor | None

    @staticmethod
    def __new__(cls, deferred: Sum) -> "LazyTensor":
        """Return a channels-last tensor without values that stands for `deferred`."""
        _, c, h, w = deferred.shape
        made = torch.Tensor._make_wrapper_subclass(
            cls, deferred.shape, strides=(c * h * w, 1, c * w, c), dtype=deferred.dtype
        )
        made.deferred, made.computed, made.version, made.replacement = deferred, None, 0, None
        return made

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in METADATA:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*map(latest, args), **(kwargs or {}))
        return func(*compute_nested(args), **compute_nested(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return func(*compute_nested(args), **compute_nested(kwargs or {}))


# Functions that need no values of a tensor.
METADATA = frozenset(
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
ADDITIONS = frozenset({torch.add, torch.Tensor.add})
PRODUCTS = frozenset({torch.mul, torch.Tensor.mul})


def compute_nested(value: Any) -> Any:
    """Return `value` with its lazy tensors computed, also in tuples, lists and dicts."""
    if isinstance(value, LazyTensor):
        return compute(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(compute_nested, value))
    if type(value) in (list, tuple):
        return type(value)(map(compute_nested, value))
    if type(value) is dict:
        return {key: compute_nested(entry) for key, entry in value.items()}
    return value


def latest(x: Any) -> Any:
    """Return what `x` is after operations in place: `x`, another lazy tensor or an ordinary one."""
    while isinstance(x, LazyTensor):
        if x.replacement is not None:
            x = x.replacement
        elif x.computed is not None and x.computed._version != x.version:
            x = x.computed
        else:
            break
    return x


def compute(x: torch.Tensor) -> torch.Tensor:
    """Return `x` as an ordinary tensor."""
    x = latest(x)
    if not isinstance(x, LazyTensor):
        return x
    if x.computed is None:
        with torch.enable_grad():  # the graph must be that of `x`, wherever it is computed
            x.computed = _Compute.apply(x)
        x.version = x.computed._version
    return x.computed


def is_replaceable(x: Any) -> bool:
    """Return whether an operation in place can give `x` a replacement: a lazy tensor, not used."""
    return isinstance(x, LazyTensor) and x.computed is None and torch.is_grad_enabled()


def sum_of(x: torch.Tensor) -> Sum | None:
    """Return the sum that `x` stands for, or is; None if the compiled loops cannot read `x`."""
    if isinstance(x, LazyTensor):
        return x.deferred
    return Sum(x.shape, x.dtype, (as_term(x),)) if is_supported(x) else None


def defer(func: Callable, args: tuple, kwargs: dict) -> torch.Tensor | None:
    """Return the output of `func`, lazy if possible; None if this module has no such function."""
    if func is functional.batch_norm:
        return batch_norm(*args, **kwargs)
    if func is functional.max_pool2d:
        return max_pool(*args, **kwargs)
    if len(args) != 2 or kwargs:
        return None
    if func in ADDITIONS:
        return add(*args)
    if func is torch.Tensor.add_ and is_replaceable(x := latest(args[0])):
        x.replacement = add(*args)
        return x.replacement
    if func in PRODUCTS and type(args[1]) in (int, float) and args[1] == 0:
        return times_zero(args[0])
    return None


def batch_norm(
    input: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """Return the output of `functional.batch_norm`, lazy if possible."""
    x = compute(input)
    if training and is_supported(x) and x.numel() > x.shape[1] and eps > 0:
        return _BatchNorm.apply(x, weight, bias, eps, (running_mean, running_var), momentum)
    return functional.batch_norm(
        x, running_mean, running_var, weight, bias, training, momentum, eps
    )


def add(left: Any, right: Any) -> torch.Tensor | None:
    """Return the lazy sum of two tensors; None if the compiled loops cannot compute it."""
    left, right = latest(left), latest(right)
    if not (isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor)):
        return None
    if left.shape != right.shape or left.dtype != right.dtype:
        return None
    sums = sum_of(left), sum_of(right)
    return None if None in sums else _Add.apply(left, right, *sums)


def max_pool(
    input: torch.Tensor,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | None:
    """Return the output of `functional.max_pool2d`; None if the loops cannot compute it."""
    x = latest(input)
    stride = kernel_size if stride is None else stride
    plain = dilation == 1 and not ceil_mode and not return_indices and kernel_size in (2, 3)
    if not plain or {type(stride), type(padding)} != {int}:
        return None
    if stride < 1 or not 0 <= 2 * padding <= kernel_size:
        return None
    deferred = sum_of(x)
    if deferred is None or not deferred.checked_terms():
        return None
    if min(deferred.shape[2:]) + 2 * padding < kernel_size:
        return None
    return _MaxPool.apply(x, deferred, kernel_size, stride, padding)


def times_zero(x: Any) -> torch.Tensor | None:
    """Return the lazy product of a tensor and 0; None if it is not made of zeros."""
    x = latest(x)
    deferred = sum_of(x)
    return None if deferred is None or not deferred.is_finite() else _Zero.apply(x, deferred)


def relu(x: torch.Tensor, deferred: Sum) -> torch.Tensor:
    """Return ReLU of `x`, which stands for `deferred`."""
    output = _Relu.apply(x, deferred)
    deferred.relu_returned = True
    return output


class FusedFunction(Function):
    """A node of the autograd graph. It has no backward function, because none is called."""


class _BatchNorm(FusedFunction):
    @staticmethod
    def forward(ctx, x, weight, bias, eps, running, momentum):
        channels = x.shape[1]
        weight = constant(1.0, channels) if weight is None else weight.detach().float().numpy()
        bias = constant(0.0, channels) if bias is None else bias.detach().float().numpy()
        deferred, mean, variance = normalised(x, weight, bias, eps)
        pixels = x.numel() // channels
        new = mean, variance * (pixels / (pixels - 1))
        for statistic, batch in zip(running, new, strict=True):
            if statistic is not None:
                statistic.lerp_(torch.from_numpy(batch).to(statistic.dtype), momentum)
        return LazyTensor(deferred)


class _Add(FusedFunction):
    @staticmethod
    def forward(ctx, left, right, left_sum, right_sum):
        return LazyTensor(added(left_sum, right_sum))


class _Zero(FusedFunction):
    @staticmethod
    def forward(ctx, x, deferred):
        return LazyTensor(Sum(deferred.shape, deferred.dtype, (), True))


class _Compute(FusedFunction):
    @staticmethod
    def forward(ctx, x):
        return x.deferred.compute().detach()


class _Relu(FusedFunction):
    @staticmethod
    def forward(ctx, x, deferred):
        return deferred.relu().detach()


class _MaxPool(FusedFunction):
    @staticmethod
    def forward(ctx, x, deferred, kernel, stride, padding):
        return deferred.max_pool(kernel, stride, padding)
