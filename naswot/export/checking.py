"""Compare what a written file computes with the network itself.

In eval mode, an untrained network with batch normalisation may hardly look at its images: signals
fade from layer to layer, and what is left is the bias of the classifier, so that a comparison would
show nothing. It is therefore done a second time, on images multiplied by a power of ten that makes
the outputs depend on them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from naswot.errors import NaswotError

BATCH_SIZES = (1, 3)  # the batch dimension is dynamic
TOLERANCE = 1e-4  # float32: largest difference allowed, relative to the largest output
SEED = 0  # of the images
FACTORS = tuple(10.0**power for power in range(0, 19, 2))
SEEN = 0.5  # how far outputs are from those for zeros, relative to the largest output

Run = Callable[[torch.Tensor], Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Difference:
    """How far the outputs of a file are from those of the network.

    Attributes:
        absolute: the largest absolute difference, on standard normal images.
        relative: the largest difference in units of the largest absolute output of its batch, on
            these images and on the multiplied ones.
    """

    absolute: float
    relative: float


@dataclass(frozen=True)
class Sample:
    """What is compared.

    Attributes:
        factor: what images are multiplied by for the second comparison; 1 if there is none, None
            if the outputs do not depend on the images with any factor.
        batches: images (B, C, H, W), and what the network returns for them.
    """

    factor: float | None
    batches: tuple[tuple[torch.Tensor, list[torch.Tensor]], ...]


def outputs_of(network: Callable[..., Any], images: torch.Tensor) -> list[torch.Tensor]:
    """Return all tensors that a network returns for `images` (B, C, H, W), in their order."""
    with torch.no_grad():
        return [leaf for leaf in tree_leaves(network(images)) if isinstance(leaf, torch.Tensor)]


def sample_of(network: nn.Module, shape: tuple[int, ...]) -> Sample:
    """Return images (C, H, W) = `shape`, standard normal, with what `network` returns for them."""
    generator = torch.Generator().manual_seed(SEED)
    drawn = [torch.randn(count, *shape, generator=generator) for count in BATCH_SIZES]
    factor = next((one for one in FACTORS if _seen(network, drawn[-1] * one)), None)
    factors = (1.0,) if factor in (1.0, None) else (1.0, factor)
    images = [one * times for times in factors for one in drawn]
    return Sample(factor, tuple((one, outputs_of(network, one)) for one in images))


def compare(sample: Sample, run: Run, tolerance: float = TOLERANCE) -> Difference:
    """Compare `run`, images (B, C, H, W) → the outputs of a file, with the network's outputs.

    Raises:
        NaswotError: the outputs differ in number or shape or by more than `tolerance`, relative to
            the largest output; or those of the network are not finite, so that nothing is known.
    """
    found = []
    for images, expected in sample.batches:
        outputs = list(run(images))
        shapes = [[tuple(one.shape) for one in each] for each in (expected, outputs)]
        if shapes[0] != shapes[1]:
            raise NaswotError(f"its outputs have shapes {shapes[1]} instead of {shapes[0]}.")
        found += [_difference(*pair) for pair in zip(outputs, expected, strict=True)]
    relative = max((one.relative for one in found), default=0.0)
    if relative > tolerance:
        raise NaswotError(
            f"its outputs differ from the network's by {relative:.2g} of the largest output; at "
            f"most {tolerance:g} is allowed."
        )
    plain = found[: len(found) // len(sample.batches) * len(BATCH_SIZES)]
    return Difference(max((one.absolute for one in plain), default=0.0), relative)


def _difference(found: torch.Tensor, expected: torch.Tensor) -> Difference:
    if not expected.numel():
        return Difference(0.0, 0.0)
    if not expected.isfinite().all():
        raise NaswotError(
            "the network's outputs on random images are not finite, so nothing can be compared."
        )
    if not found.isfinite().all():
        return Difference(float("inf"), float("inf"))
    absolute = float((found.double() - expected.double()).abs().max())
    scale = float(expected.abs().max())
    return Difference(absolute, absolute / scale if scale else absolute and float("inf"))


def _seen(network: nn.Module, images: torch.Tensor) -> bool:
    """Return whether outputs for `images` (B, …) are far from those for zeros."""
    pairs = zip(
        outputs_of(network, images), outputs_of(network, torch.zeros_like(images)), strict=True
    )
    return any(
        one.numel() and (one.double() - zero.double()).abs().max() >= SEEN * one.abs().max() > 0
        for one, zero in pairs
    )
