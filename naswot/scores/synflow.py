"""SynFlow: the flow through all paths of a network, of absolute weights and an input of ones.

Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow"
(NeurIPS 2020):

    synflow = Σ θ ⊙ ∂R/∂θ,   R = the sum of the outputs for one image of ones, all θ replaced by |θ|

The sum is over weights of convolutions and linear layers; biases are made absolute, take part in
R and are not in the sum. log_synflow is its natural logarithm, −inf of 0: what NASLib calls
synflow, since the sum spans fifty orders of magnitude.

Batch normalisation is left out: each such layer returns its input. So it is in
SamsungLabs/zero-cost-nas, which builds networks without, and in NASLib. (Tanaka et al. have it in
eval mode: on untrained networks a division by √(1 + 10⁻⁵).) Other normalisations stay, as there.
Where this differs from both codes: the network is in eval mode, which turns dropout off as in
Tanaka et al.; float32 is enough unless the sum over- or underflows, while they always use
float64; NASLib writes −10⁸ for NaN and inf and 0 for the logarithm of 0.
"""

import itertools
import math

import torch
from torch import nn

from naswot.scores.base import Batch, Options
from naswot.scores.passes import first_output, layer_weights, prepare, require_gradient, sum_float64

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
# Below, terms of the sum may have got lost in float32, whose smallest number is 1.2e-38.
SMALLEST = 1e-25


@torch.enable_grad()
def synflow(network: nn.Module, images: torch.Tensor) -> float:
    """Return the score. Takes `network` over.

    Args:
        network: any; of several outputs the first tensor counts.
        images: (B, …), of which only shape, device and float64 or not matter.

    Raises:
        NaswotError: no weights, or an output without gradient.
    """
    network, images = prepare(network, images[:1])
    network.eval()
    for layer in network.modules():
        if isinstance(layer, BATCH_NORMS):
            # What follows may change it in place.
            layer.forward = torch.clone  # type: ignore[method-assign]
    with torch.no_grad():
        for tensor in itertools.chain(network.parameters(), network.buffers()):
            if tensor.is_floating_point():
                tensor.abs_()
    ones = torch.ones_like(images)
    flow = _flow(network, ones)
    if ones.dtype != torch.float64 and not SMALLEST < flow < math.inf:
        flow = _flow(network.double(), ones.double())
    return flow


def _flow(network: nn.Module, ones: torch.Tensor) -> float:
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
