"""The score of Zhang and Jia ("GradSign", ICLR 2022): how far images agree on each weight's sign.

    gradsign = Σ_w |Σ_i sign ∂ℓ_i/∂w|

ℓ_i is the cross-entropy of image i, which passes the network alone; w are the weights of
convolutions and linear layers (`naswot.scores.passes`). The inner sum is over images; the score of
n images is at most n times the number of weights, so it grows with the network.

As in the public code, the network is in train mode: batch normalisation uses the statistics of the
one image. It is not defined for one value per channel. The two versions of the public code take the
sum over images or their mean; here it is the sum. Only the first `IMAGES` images of the mini-batch
are used, because each takes a backward pass. Where ∂ℓ_i/∂w is 0, the sign is 0.
"""

import math
from dataclasses import replace

import torch
from torch import nn

from naswot.scores.base import Batch, Options
from naswot.scores.failures import one_value_per_channel
from naswot.scores.passes import batch_loss, freeze, layer_weights, prepare

IMAGES = 16


def gradsign(network: nn.Module, batch: Batch) -> float:
    """Return the score: NaN if a gradient is NaN. Changes `network`.

    Raises:
        NaswotError: there are no weights, batch normalisation has one value per channel, or the
            output has no gradient or a shape other than (1, classes).
    """
    network, images = prepare(network, batch.images[:IMAGES])
    weights = layer_weights(network)
    freeze(network, weights)
    agreed = [torch.zeros_like(weight, dtype=torch.int32) for weight in weights]
    prepared = replace(batch, images=images)
    for i in range(len(images)):
        with one_value_per_channel(network, "gradsign"):
            loss = batch_loss(network, prepared[i : i + 1])
        gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
        if any(gradient.isnan().any() for gradient in gradients):
            return math.nan  # whose sign would be 0
        for total, gradient in zip(agreed, gradients, strict=True):
            total += gradient.sign().int()
    return float(sum(int(total.abs().sum()) for total in agreed))


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    return {"gradsign": gradsign(network, batch)}
