"""SynFlow: the sum over all paths of products of absolute weights, for an input of ones.

Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow"
(NeurIPS 2020):

    synflow = Σ θ ⊙ ∂R/∂θ,   R = the sum of the outputs for one image of ones, all θ replaced by |θ|

The sum is over weights of convolutions and linear layers. Biases are made absolute too and
contribute to R, but not to the sum. log_synflow is the natural logarithm, −inf for 0. NASLib calls
it synflow, because the sum spans fifty orders of magnitude.

Batch normalisation is removed: each layer returns its input. SamsungLabs/zero-cost-nas, which
builds networks without it, and NASLib do the same. (Tanaka et al. use it in eval mode, which
divides by √(1 + 10⁻⁵) in untrained networks.) Other normalisations stay, as there. Differences from
both: the network is in eval mode, which turns dropout off as in Tanaka et al.; float64 is used only
if the sum over- or underflows in float32, while they always use it; NASLib replaces NaN and inf by
−10⁸, and the logarithm of 0 by 0.
"""

import itertools
import math

import torch
from torch import nn

from naswot.scores.base import Batch, Options
from naswot.scores.inputs import Inputs, on_floats
from naswot.scores.passes import first_output, layer_weights, prepare, require_gradient, sum_float64

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
# Below this, terms of the sum may be zero in float32, whose smallest normal number is 1.2e-38.
SMALLEST = 1e-25


@torch.enable_grad()
def synflow(network: nn.Module, images: Inputs) -> float:
    """Return the score. Changes `network`.

    Args:
        network: any; the score is that of the first output.
        images: (B, …), of which only shape, device and type are used.

    Raises:
        NaswotError: there are no weights, or the output has no gradient.
    """
    network, images = prepare(network, images[:1])
    network.eval()
    for layer in network.modules():
        if isinstance(layer, BATCH_NORMS):
            # A copy, because later layers may work in place.
            layer.forward = torch.clone  # type: ignore[method-assign]
    with torch.no_grad():
        for tensor in itertools.chain(network.parameters(), network.buffers()):
            if tensor.is_floating_point():
                tensor.abs_()
    ones = on_floats(torch.ones_like, images)
    flow = _flow(network, ones)
    if ones.dtype != torch.float64 and not SMALLEST < flow < math.inf:
        flow = _flow(network.double(), ones.double())
    return flow


def _flow(network: nn.Module, ones: Inputs) -> float:
    tensors = layer_weights(network)
    flow = require_gradient(network, first_output(network, ones.clone())).sum()
    gradients = torch.autograd.grad(flow, tensors, materialize_grads=True)
    return sum_float64(
        [
            (w.detach() * g).abs().sum(dtype=torch.float64)
            for w, g in zip(tensors, gradients, strict=True)
        ]
    )


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    flow = synflow(network, batch.images)
    return {"synflow": flow, "log_synflow": -math.inf if flow == 0 else math.log(flow)}
