"""Example inputs of networks, from a shape or from a mini-batch."""

from collections.abc import Sequence

import torch

from naswot.errors import NaswotError, shown
from naswot.scores.inputs import Inputs, TensorTree

SEED = 0  # of the values; costs hardly depend on them


def first_of(shape: Sequence[int] | Inputs, batch: int, dtype: torch.dtype) -> Inputs:
    """Return inputs (batch, …) in `dtype`; only floating-point tensors have it.

    Args:
        shape: of an image, (C, H, W), which is drawn from a normal distribution; or inputs (B, …),
            of which the first are taken, and taken again if there are too few.
        batch: how many.
        dtype: of the inputs.

    Raises:
        NaswotError: the shape is no list of positive numbers.
    """
    if isinstance(shape, torch.Tensor | TensorTree):
        order = torch.arange(batch, device=shape.device) % max(len(shape), 1)
        return shape[order].to(dtype)
    sizes = tuple(shape)
    if not sizes or not all(type(size) is int and size > 0 for size in sizes):
        raise NaswotError(
            f"The shape of an image is {shown(shape)}; it has to be channels, height and width, "
            "such as (3, 32, 32)."
        )
    generator = torch.Generator().manual_seed(SEED)
    return torch.randn(batch, *sizes, generator=generator).to(dtype)
