"""Sums of scaled and shifted tensors that are not computed yet: what lazy tensors stand for.

In float32 all values equal those of torch to the last bit. In bfloat16 a sum is rounded once, not
once per addition.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from naswot.scores.fused import loops

LANES = 512  # the least number of entries in a row of the loops
MOST_TERMS = 3
AS_NUMPY = {torch.float32: torch.float32, torch.bfloat16: torch.uint16}


class ChangedError(RuntimeError):
    """The network has changed a tensor in place that others are still computed from."""

    def __init__(self) -> None:
        super().__init__("the network changes a tensor in place that others are computed from")


@dataclass(eq=False, slots=True)
class Term:
    """A term of a sum, tensor · scale + shift.

    Attributes:
        tensor: (B, C, H, W), channels-last.
        scale, shift: float32 (lanes,), one value per channel, repeated to the width of `rows`.
        rows: the tensor's values as (rows, lanes), not a copy.
        version: the tensor's in-place counter when the term was made.
    """

    tensor: torch.Tensor
    scale: np.ndarray
    shift: np.ndarray
    rows: np.ndarray
    version: int


@dataclass(eq=False, slots=True)
class Sum:
    """A tensor as a sum of terms. Several lazy tensors may stand for one sum.

    Attributes:
        shape, dtype: of the tensor.
        terms: none if the tensor is zero.
        finite: True if all values are finite; None if that is not known.
        value: the tensor, once computed; it is then the only term.
        value_returned: whether `value` was returned to the network.
        relu_output, relu_version: ReLU of the tensor, once computed, and its version at that time.
        relu_returned: whether `relu_output` was returned to the network.
        active: int32 (B, B), at how many units two images are both positive; with `relu_output`.
    """

    shape: torch.Size
    dtype: torch.dtype
    terms: tuple[Term, ...]
    finite: bool | None = None
    value: torch.Tensor | Any = None
    value_returned: bool = False
    relu_output: torch.Tensor | Any = None
    relu_version: int = 0
    relu_returned: bool = False
    active: torch.Tensor | Any = None

    def checked_terms(self) -> tuple[Term, ...]:
        """Return the terms.

        Raises:
            ChangedError: a term or `relu_output` has been changed in place.
        """
        if any(term.tensor._version != term.version for term in self.terms):
            raise ChangedError
        if self.relu_output is not None and self.relu_output._version != self.relu_version:
            raise ChangedError
        return self.terms

    def threads(self) -> int:
        """Return the number of threads for loops over images."""
        return min(torch.get_num_threads(), self.shape[0])

    def is_finite(self) -> bool:
        """Return whether all values are finite."""
        if self.finite is None:
            self.finite = all(bool(term.tensor.sum().isfinite()) for term in self.checked_terms())
        return self.finite

    def compute(self) -> torch.Tensor:
        """Return the tensor. Each call returns its own, which may be changed in place."""
        self.collapse()
        if self.value_returned:
            return self.value.clone(memory_format=torch.preserve_format)
        self.value_returned = True
        return self.value

    def collapse(self) -> None:
        """Compute the tensor and make it the only term."""
        terms = self.checked_terms()
        if self.value is None:
            self.value = self._run(loops.add_terms, terms)
            self.terms = (as_term(self.value),)

    def relu(self) -> torch.Tensor:
        """Return ReLU of the tensor, the same at each call, and set `active`."""
        terms = self.checked_terms()
        if self.relu_output is None:
            images, channels, height, width = self.shape
            lanes = lanes_of(self.shape)
            rows = channels * height * width // lanes  # of one image
            codes = np.zeros((images, -(-rows // 8), lanes), np.uint8)
            self.relu_output = self._run(loops.relu, terms, codes)
            self.relu_version = self.relu_output._version
            self.active = torch.from_numpy(loops.count_overlaps(self.threads(), codes))
        return self.relu_output

    def max_pool(self, kernel: int, stride: int, padding: int) -> torch.Tensor:
        """Return the maxima of squares of `kernel` × `kernel` pixels."""
        images, channels, height, width = self.shape
        rows, columns = ((n + 2 * padding - kernel) // stride + 1 for n in (height, width))
        output = self._empty(images, channels, rows, columns)

        def by_pixel_rows(part: np.ndarray) -> np.ndarray:
            if part.ndim == 2:
                return part.reshape(images * height, width * channels)
            return np.resize(part[:channels], width * channels)

        count, parts = loop_arguments(self.checked_terms())
        loops.max_pool(
            self.threads(),
            count,
            tuple(map(by_pixel_rows, parts)),
            rows_of(output).reshape(images * rows, columns * channels),
            images,
            width,
            kernel,
            stride,
            padding,
        )
        return output

    def _run(self, loop: Callable, terms: tuple[Term, ...], *others: np.ndarray) -> torch.Tensor:
        """Return what `loop` writes for `terms`."""
        output = self._empty(*self.shape)
        if not terms:
            return output.zero_()
        loop(self.threads(), *loop_arguments(terms), rows_of(output), *others)
        return output

    def _empty(self, *shape: int) -> torch.Tensor:
        return torch.empty(shape, dtype=self.dtype, memory_format=torch.channels_last)


def loop_arguments(terms: tuple[Term, ...]) -> tuple[int, tuple[np.ndarray, ...]]:
    """Return the number of terms, and rows, scale and shift of three; unused ones repeat."""
    padded = terms + terms[:1] * (MOST_TERMS - len(terms))
    return len(terms), tuple(
        part for term in padded for part in (term.rows, term.scale, term.shift)
    )


def lanes_of(shape: torch.Size) -> int:
    """Return the entries per row of a (B, C, H, W) tensor, so that an image is whole rows."""
    _, channels, height, width = shape
    pixels = 1
    while pixels * channels < LANES and height * width % (2 * pixels) == 0:
        pixels *= 2
    return pixels * channels


def rows_of(x: torch.Tensor) -> np.ndarray:
    """Return the values of channels-last `x` as (rows, lanes), not a copy."""
    lanes = lanes_of(x.shape)
    flat = x.detach().as_strided((x.numel() // lanes, lanes), (lanes, 1))
    return flat.view(AS_NUMPY[x.dtype]).numpy()


def normalised(
    x: torch.Tensor, weight: np.ndarray, bias: np.ndarray, eps: float
) -> tuple[Sum, np.ndarray, np.ndarray]:
    """Return `x` after batch normalisation, and its mean and variance (channels,)."""
    rows = rows_of(x)
    scale, shift = np.empty((2, rows.shape[1]), np.float32)
    mean, variance, finite = loops.batch_norm(
        rows, torch.get_num_threads(), eps, weight, bias, scale, shift
    )
    term = Term(x.detach(), scale, shift, rows, x._version)
    return Sum(x.shape, x.dtype, (term,), finite), mean, variance


def added(left: Sum, right: Sum) -> Sum:
    """Return the sum of two sums of one shape."""
    if not right.checked_terms():
        return left
    if not left.checked_terms():
        return right
    # Rounding depends on the order: terms have to be added from left to right.
    first, second = left, right
    if len(second.terms) > len(first.terms) == 1:
        first, second = second, first
    if len(second.terms) > 1:
        second.collapse()
    if len(first.terms) == MOST_TERMS:
        first.collapse()
    finite = True if first.finite and second.finite else None
    return Sum(first.shape, first.dtype, first.terms + second.terms, finite)


@cache
def constant(value: float, length: int) -> np.ndarray:
    """Return a float32 array (length,) of `value`. It is shared and must not be written to."""
    return np.full(length, value, np.float32)


def as_term(x: torch.Tensor) -> Term:
    """Return `x` as a term."""
    rows = rows_of(x)
    lanes = rows.shape[1]
    return Term(x.detach(), constant(1.0, lanes), constant(0.0, lanes), rows, x._version)


def is_supported(x: Any) -> bool:
    """Return whether `x` is a tensor that the loops can read."""
    return (
        type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.ndim == 4
        and x.shape[1] > 1  # torch computes a single channel by other code
        and x.dtype in AS_NUMPY
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.numel() > 0
        and not x.is_inference()
    )
