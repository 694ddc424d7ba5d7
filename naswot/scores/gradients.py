"""Scores of one gradient of the loss: grad_norm, snip, fisher and plain.

As in Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021), with L the mean
cross-entropy of the mini-batch in train mode and w the weight tensors of convolutions and linear
layers (see `naswot.scores.passes`):

    grad_norm = Σ ‖∂L/∂w‖₂                one norm per tensor
    snip      = Σ |w ∂L/∂w|               Lee et al., "SNIP" (ICLR 2019)
    plain     = Σ w ∂L/∂w                 Mozer & Smolensky, "Skeletonization" (NIPS 1988)
    fisher    = Σ ½ mean_b (Σ a ∂L/∂a)²   Theis et al. 2018; Turner et al., "BlockSwap" (2020)

In fisher, a is the output of a layer, before any later operation. The inner sum is over the
positions of one channel and one image, the outer sum over channels, layers and their calls.

Differences from public code (SamsungLabs/zero-cost-nas, and NASLib, with which NAS-Bench-Suite-Zero
was made):

- In the papers fisher belongs to a channel. The code assigns it to every weight of the channel and
  then adds, so that a channel counts once per weight (C_in / groups · k² times). Here each channel
  counts once.
- The code reads the activation for fisher after the backward pass has begun, so a ReLU in place
  directly after the convolution falsifies it. Here it is what the layer returned.
- SNIP's paper divides by the sum over all weights, which would make every score 1. The code does
  not, and neither does this module. Skeletonization's relevance is −∂L/∂α at a gate α = 1; the code
  and this module omit the sign.
- NASLib replaces NaN and inf by −10⁸. Here they are kept.
"""

import torch
from torch import nn

from naswot.scores.base import Options
from naswot.scores.passes import TrainPass, sum_float64


def fisher(layer: nn.Module, product: torch.Tensor) -> torch.Tensor:
    """Return Σ_c ½ mean_b (Σ product)², a float64 scalar.

    `product`, activation times gradient, is (B, C, …), or (B, …, C) if `layer` is linear.
    """
    if isinstance(layer, nn.Linear):
        product = product.movedim(-1, 1)
    sums = product.flatten(2).sum(2) if product.ndim > 2 else product
    return sums.double().square().mean(0).sum() / 2


def compute(train_pass: TrainPass, options: Options) -> dict[str, float]:
    """Return the scores of the family, from one backward pass.

    Raises:
        NaswotError: there are no weights, or the output has no gradient or a shape other than
            (B, classes).
    """
    gradients = [g.detach() for g in train_pass.gradients]
    pairs = [(w.detach(), g) for w, g in zip(train_pass.weights, gradients, strict=True)]
    return {
        "grad_norm": sum_float64([g.double().norm() for g in gradients]),
        "snip": sum_float64([(w * g).abs().sum(dtype=torch.float64) for w, g in pairs]),
        "fisher": sum_float64([fisher(layer, a * g) for layer, a, g in train_pass.outputs]),
        "plain": sum_float64([(w * g).sum(dtype=torch.float64) for w, g in pairs]),
    }
