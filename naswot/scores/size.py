"""The size of a network, with which every other score should be compared.

- params: trainable parameters, in units.
- flops: floating-point operations of a forward pass of one image in eval mode (without auxiliary
  heads that exist for training only), in units. A multiplication and an addition count as two.
  The formulas of `torch.utils.flop_counter` count convolutions, matrix products and attention, and
  not biases, normalisations, activations and poolings.
- memory: the most bytes that the activations of this pass need at one moment.

`naswot.scores.tally` says what counts.
"""

import torch
from torch import nn

from naswot.scores.base import Batch, Options
from naswot.scores.inputs import Inputs
from naswot.scores.passes import prepare
from naswot.scores.tally import Tally, tally


def params(network: nn.Module) -> float:
    """Return the number of trainable parameters; shared ones count once."""
    return float(sum(p.numel() for p in network.parameters() if p.requires_grad))


def flops(network: nn.Module, images: Inputs) -> float:
    """Return the operations for the first of `images` (B, …). Changes `network`."""
    return _pass(network, images).flops


def _pass(network: nn.Module, images: Inputs) -> Tally:
    network, image = prepare(network, images[:1])
    network.eval()
    return tally(network, image)


def get_ready(batch: Batch, options: Options) -> None:
    """Import what PyTorch needs for operations without data, which takes a second."""
    flops(nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2)), torch.zeros(1, 3, 8, 8))


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    found = _pass(network, batch.images)
    return {"params": params(network), "flops": found.flops, "memory": found.memory}
