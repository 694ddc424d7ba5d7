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

from torch import nn

from naswot.scores.activations import read_activations
from naswot.scores.base import Batch, Options
from naswot.scores.codes import Codes
from naswot.scores.naswot import log_determinant
from naswot.scores.passes import prepare
from naswot.scores.relu import CodeOverlap


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, Any]:
    """Return the scores of the family and a note."""
    network, images = prepare(network, batch.images)
    found = read_activations(network, images, CodeOverlap.of)
    kernel = Codes(found.output, found.kept).hamming_kernel(images)
    return {"activation_codes": log_determinant(kernel), "note": found.note}
