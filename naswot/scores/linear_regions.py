"""The number of linear regions (Chen et al., "TE-NAS", ICLR 2021): how finely ReLUs divide inputs.

TE-NAS counts distinct activation patterns among 1,000 noise images of 3×3 pixels in a narrow copy
of the network. An arbitrary network cannot be made narrow, and in a wide one any two images lie in
different regions: the count would be the number of images. So regions are counted here at all
scales: on `RAYS` lines from one image to the next, at `POINTS` distances in a geometric sequence
from `NEAREST` to 1 of the way. linear_regions is the number of distinct patterns among these
RAYS · POINTS inputs. A network that divides inputs more finely by the factor of that sequence gains
about one pattern per ray.

Regions are those of a fixed function. So batch normalisation uses the statistics of the first
`IMAGES` images, computed by one forward pass in train mode, and the network then runs in eval mode.
It is in float64, because neighbouring points may differ by 1e-7.
"""

import math
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.codes import read_codes
from naswot.scores.initialisation import renew_statistics
from naswot.scores.inputs import Inputs
from naswot.scores.outputs import has_nan
from naswot.scores.passes import prepare

IMAGES = 32
RAYS = 4
POINTS = 8
NEAREST = 1e-7


def rays(images: Inputs) -> Inputs:
    """Return (RAYS · POINTS, …) inputs on lines from the first of `images` (B, …) to the next.

    Integers, which have no values in between, are those of the line's start.
    """
    return _lines(images) if isinstance(images, torch.Tensor) else images.map(_lines)


def _lines(images: torch.Tensor) -> torch.Tensor:
    starts = torch.arange(RAYS, device=images.device) % len(images)
    here, there = images[starts, None], images[(starts + 1) % len(images), None]
    if not images.is_floating_point():
        return here.expand(-1, POINTS, *images.shape[1:]).flatten(0, 1)
    shares = torch.logspace(
        math.log10(NEAREST), 0, POINTS, dtype=images.dtype, device=images.device
    ).reshape(-1, *[1] * (images.ndim - 1))
    return (here + shares * (there - here)).flatten(0, 1)


def fix_statistics(network: nn.Module, images: Inputs) -> None:
    """Set all running statistics to those of `images` and put `network` in eval mode."""
    renew_statistics(network, images, momentum=1.0)
    with torch.no_grad():
        network(images.clone())
    network.eval()


def distinct_codes(network: nn.Module, inputs: Inputs) -> tuple[float, str]:
    """Return the number of distinct codes of `inputs` (N, …), NaN if an output is NaN, and a note.

    Raises:
        NaswotError: the network has no visible ReLU.
    """
    codes = read_codes(network, inputs)
    if has_nan(codes.output):
        return torch.nan, codes.note
    same = codes.hamming_distances(inputs) == 0
    # Count the codes that equal no earlier one.
    return float((~same.tril(-1).any(1)).sum().item()), codes.note


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, Any]:
    """Return the scores of the family."""
    if len(batch.images) < 2:
        raise NaswotError("linear_regions needs lines between images; one image is not enough.")
    network, images = prepare(network, batch.images[:IMAGES])
    fix_statistics(network, images)
    count, note = distinct_codes(network.double(), rays(images.double()))
    return {"linear_regions": count, "note": note}
