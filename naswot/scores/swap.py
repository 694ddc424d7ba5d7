"""The SWAP-score (Peng et al., "SWAP-NAS", ICLR 2024): how many patterns units show over images.

Each unit of an activation gives the B images of a small mini-batch B bits: the signs of what it
returns. With N(0, 1) weights,

    swap = Ψ = number of distinct patterns among all units of all activations, at most 2^B
    swap_regularised = Ψ · exp(−(k − μ)² / σ), k: trainable parameters in thousands

Both are means over `DRAWS` draws of the weights of convolutions and linear layers; other parameters
stay. B is 16, or all images if there are fewer, and the network is in train mode. The authors
average 32 draws, which would take twenty times as long as naswot.

Activations are those of `naswot.scores.activations`. A bit is 1 where the unit is positive. Public
code distinguishes three signs, which differs for curved activations only where they return 0, and
reads the outputs of `nn.ReLU` modules with inputs of four dimensions. Here all activations on which
the output depends count, also in functional calls.

μ and σ are the wish for a size, and the authors choose them for each space. `MU` and `SIGMA` suit
NAS-Bench-201, whose largest cell has 1,532 thousand parameters: the factor is 0.11 without
parameters, 1 at 1.5 million, and 0 beyond some 29 million. So on this space it favours size.
"""

import math
from typing import Any

import torch
from torch import nn

from naswot.scores.activations import read_activations
from naswot.scores.base import Batch, Options
from naswot.scores.initialisation import draw_weights
from naswot.scores.inputs import Inputs
from naswot.scores.outputs import has_nan
from naswot.scores.passes import prepare
from naswot.scores.size import params

IMAGES = 16  # B
DRAWS = 3
MU = 1500.0  # the wished number of parameters, in thousands
SIGMA = 1e6  # 1,000 thousands, squared


def shown_patterns(codes: torch.Tensor) -> torch.Tensor:
    """Return bool (2^B,): which patterns the units of int8 `codes` (B, units) show."""
    weights = 2.0 ** torch.arange(len(codes), device=codes.device)
    numbers = (weights @ codes.float()).long()  # exact: below 2^24
    shown = torch.zeros(2 ** len(codes), dtype=torch.bool, device=codes.device)
    shown[numbers] = True
    return shown


def count_patterns(network: nn.Module, images: Inputs) -> tuple[float, str]:
    """Return Ψ, NaN if the output contains NaN, and a note."""
    found = read_activations(network, images, shown_patterns)
    if has_nan(found.output):
        return math.nan, found.note
    count = torch.stack(found.kept).any(0).sum().item() if found.kept else 0
    return float(count), found.note


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, Any]:
    """Return the scores of the family and a note."""
    network, images = prepare(network, batch.images[:IMAGES])
    thousands = params(network) / 1000
    counts = []
    for _ in range(DRAWS):
        draw_weights(network, lambda fan_in: 1.0)
        count, note = count_patterns(network, images)
        counts.append(count)
    mean = sum(counts) / DRAWS
    wished = math.exp(-((thousands - MU) ** 2) / SIGMA)
    return {"swap": mean, "swap_regularised": mean * wished, "note": note}
