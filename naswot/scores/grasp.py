"""GraSP: how much the removal of a weight reduces the flow of gradients, summed over weights.

Wang et al., "Picking Winning Tickets Before Training by Preserving Gradient Flow" (ICLR 2020),
in the form in which Abdelfattah et al. (ICLR 2021) score networks:

    grasp = −Σ θ ⊙ H g,   g = ∂L/∂θ,   H g = ∂(gᵀ stop(g))/∂θ

L is the mean cross-entropy of the mini-batch in train mode and θ the weights of convolutions and
linear layers; g, H and the sum are over these alone.

Differences from public code: the authors of GraSP divide logits by T = 200 and split the mini-batch
in two; SamsungLabs/zero-cost-nas and NASLib use T = 1 and the whole mini-batch, as here. Both make
a second forward pass for g, which equals the first except for dropout; here one pass gives both.
NASLib replaces NaN and inf by −10⁸; here they are kept.
"""

from typing import Any

import torch

from naswot.scores.base import Options
from naswot.scores.passes import TrainPass, sum_float64


def compute(train_pass: TrainPass, options: Options) -> dict[str, float]:
    """Return the score, from two backward passes.

    Raises:
        NaswotError: there are no weights, or the output has no gradient or a shape other than
            (B, classes).
    """
    with torch.enable_grad():
        square: Any = sum((g.detach() * g).sum() for g in train_pass.gradients)
    if not square.requires_grad:
        return {"grasp": 0.0}  # the loss depends on no weight: g and H are exactly zero
    products = torch.autograd.grad(
        square, train_pass.weights, retain_graph=True, materialize_grads=True
    )
    pairs = zip(train_pass.weights, products, strict=True)
    return {"grasp": -sum_float64([(w.detach() * p).sum(dtype=torch.float64) for w, p in pairs])}
