"""naswot for any activation: how different the sign codes of the images are.

    K_H[i, j] = N_A − d_H(c_i, c_j)
    activation_codes = ln |det K_H|

as in Mellor et al. (ICML 2021), but with the codes c of all activations, not of ReLUs alone: 1
where the pre-activation is positive (`naswot.scores.activations` lists them). So networks without
ReLUs, such as transformers, are ranked. The generalisation is ours: a curved activation has no
linear regions, and its code says on which side of 0 a unit is. Public code of naswot reads the
modules with "ReLU" in their class name and no other.

Everything else is as in naswot: train mode, the weights as they are, and each reachable call counts
once. So the score is that of naswot if all activations are ReLUs, up to rounding: there is no fused
pass, and images stay in their memory format. It is −∞ if two images have the same code, and NaN if
the output contains NaN.
"""

from typing import Any

import torch
from torch import nn

from naswot.scores.activations import read_activations
from naswot.scores.base import Batch, Options
from naswot.scores.naswot import log_determinant
from naswot.scores.passes import prepare
from naswot.scores.relu import CodeOverlap


def hamming_kernel(overlaps: list[CodeOverlap], like: torch.Tensor) -> torch.Tensor:
    """Return K_H (B, B) in float64 from the overlaps of codes of the images `like` (B, …)."""
    active = torch.zeros(len(like), len(like), dtype=torch.int64, device=like.device)
    for overlap in overlaps:
        active += overlap.active
    own = active.diagonal()
    units = sum(overlap.units for overlap in overlaps)
    return (units - own[:, None] - own[None, :] + 2 * active).double()


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, Any]:
    """Return the scores of the family and a note."""
    network, images = prepare(network, batch.images)
    found = read_activations(network, images, CodeOverlap.of)
    kernel = hamming_kernel(found.kept, images)
    value = torch.nan if found.has_nan() else log_determinant(kernel)
    return {"activation_codes": value, "note": found.note}
