"""The score of Li et al. ("ZiCo", ICLR 2023): large gradients that vary little between batches.

With the gradients g₁, g₂ of the cross-entropy on the two halves of the mini-batch,

    zico = Σ_layers ln Σ_w mean(|g₁|, |g₂|) / std(g₁, g₂),

where std divides by 2, so that it is |g₁ − g₂| / 2. Layers are convolutions and linear layers, w
their weights without biases. As in the authors' code, weights whose std is 0 are left out, and so
are layers without other weights (such as those without a path to the output).
"""

from dataclasses import replace

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.passes import batch_loss, layer_weights, prepare


def zico(network: nn.Module, batch: Batch) -> float:
    """Return the score. Changes `network`. With an odd number of images the first half is larger.

    Raises:
        NaswotError: there is one image, there are no weights, or the output has no gradient or a
            shape other than (B, classes).
    """
    network, images = prepare(network, batch.images)
    if len(images) < 2:
        raise NaswotError("zico compares the two halves of a mini-batch; one image is not enough.")
    layers = layer_weights(network)
    middle = (len(images) + 1) // 2
    gradients = []
    prepared = replace(batch, images=images)
    for part in (slice(middle), slice(middle, None)):
        found = batch_loss(network, prepared[part])
        gradients.append(torch.autograd.grad(found, layers, materialize_grads=True))
    total = 0.0
    for pair in zip(*gradients, strict=True):
        first, second = (gradient.double() for gradient in pair)
        mean, std = (first.abs() + second.abs()) / 2, (first - second).abs() / 2
        counted = std != 0  # also if it is NaN
        inner = (mean[counted] / std[counted]).sum()
        if inner != 0:
            total += inner.log().item()
    return total


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    return {"zico": zico(network, batch)}
