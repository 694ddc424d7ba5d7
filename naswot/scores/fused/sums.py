"""What is known of a tensor before it is computed: the terms that it is the sum of.

In float32 values are those of torch to the last bit; in bfloat16 a sum is rounded once, not term
by term.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from naswot.scores.fused import loops

LANES = 512  # numbers in a row of the loops, at least
MOST_TERMS = 3
AS_NUMPY = {torch.float32: torch.float32, torch.bfloat16: torch.uint16}


class ChangedError(RuntimeError):
    """The network has changed a tensor in place that others are still computed from."""

    def __init__(self) -> None:
        super().__init__("the network changes a tensor in place that others are computed from")


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
def constant(value: float, length: int) -> np.ndarray:
    """Return float32 (length,), `value` everywhere; nobody may write to it."""
    return np.full(length, value, np.float32)


def as_term(x: torch.Tensor) -> Term:
    """Return `x` as a term."""
    rows = rows_of(x)
    lanes = rows.shape[1]
    return Term(x.detach(), constant(1.0, lanes), constant(0.0, lanes), rows, x._version)


def fits(x: Any) -> bool:
    """Return whether `x` is a tensor that the loops can walk over."""
    return (
        type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.ndim == 4
        and x.shape[1] > 1  # with one channel torch takes other ways
        and x.dtype in AS_NUMPY
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.numel() > 0
        and not x.is_inference()
    )
