"""Scores of one gradient of the loss: grad_norm, snip, fisher, plain and l2_norm.

As in Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021), with L the mean
cross-entropy of the mini-batch in train mode and w the weight tensors of convolutions and linear
layers (see `naswot.scores.layers`):

    grad_norm = Σ ‖∂L/∂w‖₂                one norm a tensor
    snip      = Σ |w ∂L/∂w|               Lee et al., "SNIP" (ICLR 2019)
    plain     = Σ w ∂L/∂w                 Mozer & Smolensky, "Skeletonization" (NIPS 1988)
    l2_norm   = Σ ‖w‖₂                    one norm a tensor; no data is looked at
    fisher    = Σ ½ mean_b (Σ a ∂L/∂a)²   Theis et al. 2018; Turner et al., "BlockSwap" (2020)

In fisher a are the outputs of a layer before anything that follows; the inner sum goes over the
positions of one channel and one image, the outer one over channels, layers and their calls.

Where public code (SamsungLabs/zero-cost-nas, and NASLib, which made NAS-Bench-Suite-Zero)
differs:

- fisher is that of a channel in the papers. The code gives it to every weight of the channel
  before it adds up, so a channel counts as often as it has weights (C_in / groups · k²). Here
  each channel counts once.
- The code reads a fisher activation after the backward pass began, so a ReLU in place straight
  after the convolution falsifies it. Here it is what the layer returned.
- SNIP's paper divides by the sum over all weights, which would make every network score 1; the
  code does not, nor is it done here. Skeletonization's relevance is −∂L/∂α at a gate α = 1; the
  code leaves out the sign.
- NASLib writes −10⁸ for NaN and inf. They are kept here.
"""

import torch
from torch import nn

from naswot.scores.base import Batch, Options
from naswot.scores.layers import LAYERS, loss, place, total, weights


@torch.enable_grad()
def scores(network: nn.Module, batch: Batch) -> dict[str, float]:
    """Return the five scores from one forward and one backward pass. Takes `network` over.

    Raises:
        NaswotError: no weights, or an output without gradient or of another shape than
            (B, classes).
    """
    network, images = place(network.train(), batch.images)
    tensors = weights(network)
    fishers = watch_outputs(network)
    gradients = torch.autograd.grad(loss(network, images, batch), tensors, materialize_grads=True)
    pairs = [(w.detach(), g) for w, g in zip(tensors, gradients, strict=True)]
    return {
        "grad_norm": total([g.double().norm() for _, g in pairs]),
        "snip": total([(w * g).abs().sum(dtype=torch.float64) for w, g in pairs]),
        "fisher": total(fishers),
        "plain": total([(w * g).sum(dtype=torch.float64) for w, g in pairs]),
        "l2_norm": total([w.double().norm() for w, _ in pairs]),
    }


def watch_outputs(network: nn.Module) -> list[torch.Tensor]:
    """Return a list to which a backward pass through `network` adds fisher's term of each call."""
    terms: list[torch.Tensor] = []

    def forward(layer: nn.Module, _, output: torch.Tensor) -> torch.Tensor:
        if not output.requires_grad:
            return output
        # Detached, so that the gradient's hook does not keep the graph alive.
        activation = output.detach()
        output.register_hook(lambda gradient: terms.append(fisher(layer, activation * gradient)))
        return output.clone()  # which what follows may change in place

    for layer in network.modules():
        if isinstance(layer, LAYERS):
            layer.register_forward_hook(forward)
    return terms


def fisher(layer: nn.Module, product: torch.Tensor) -> torch.Tensor:
    """Return Σ_c ½ mean_b (Σ product)², a float64 scalar.

    `product` of activation and gradient is (B, C, …), or (B, …, C) where `layer` is linear.
    """
    if isinstance(layer, nn.Linear):
        product = product.movedim(-1, 1)
    sums = product.flatten(2).sum(2) if product.ndim > 2 else product
    return sums.double().square().mean(0).sum() / 2


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    return scores(network, batch)
