"""The score of Li et al. ("ZiCo", ICLR 2023): large gradients that vary little between batches.

With the gradients g₁, g₂ of the cross-entropy on the two halves of the mini-batch,

    zico = Σ_layers ln Σ_w mean(|g₁|, |g₂|) / std(g₁, g₂),

where std divides by 2 (|g₁ − g₂| / 2). Layers are the convolutions and linear layers; weights, not
biases, count. As in the authors' code, weights whose std is 0 are left out, and so are layers of
which nothing remains (the rest of a network without a path to the output).
"""

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.passes import cross_entropy, first_output_fast, layer_weights, prepare


def zico(network: nn.Module, batch: Batch) -> float:
    """Return the score. Takes `network` over. An odd image goes to the first half.

    Raises:
        NaswotError: fewer than two images, no weights, or an output without gradient or of another
            shape than (B, classes).
    """
    network, images = prepare(network, batch.images)
    if len(images) < 2:
        raise NaswotError("zico compares the two halves of a mini-batch; one image is not enough.")
    layers = layer_weights(network)
    middle = (len(images) + 1) // 2
    gradients = []
    for part in (slice(middle), slice(middle, None)):
        with torch.enable_grad():
            logits = first_output_fast(network, images[part])
            found = cross_entropy(network, logits, batch.labels[part], batch.classes)
        gradients.append(torch.autograd.grad(found, layers, materialize_grads=True))
    total = 0.0
    for one, other in zip(*gradients, strict=True):
        one, other = one.double(), other.double()
        mean, std = (one.abs() + other.abs()) / 2, (one - other).abs() / 2
        counted = std != 0  # also where it is NaN
        inner = (mean[counted] / std[counted]).sum()
        if inner != 0:
            total += inner.log().item()
    return total


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    return {"zico": zico(network, batch)}
