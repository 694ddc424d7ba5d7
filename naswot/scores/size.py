"""The size of a network, with which every other score should be compared.

- params: trainable parameters, in units.
- flops: floating-point operations of a forward pass of one image in eval mode (without auxiliary
  heads that exist for training only), in units. A multiplication and an addition count as two.
  PyTorch's `FlopCounterMode` counts convolutions, matrix products and attention, and not biases,
  normalisations, activations and poolings.
"""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.copying import copy_network
from naswot.scores.inputs import Inputs
from naswot.scores.passes import prepare


def params(network: nn.Module) -> float:
    """Return the number of trainable parameters; shared ones count once."""
    return float(sum(p.numel() for p in network.parameters() if p.requires_grad))


def flops(network: nn.Module, images: Inputs) -> float:
    """Return the operations for the first of `images` (B, …). Changes `network`."""
    network, image = prepare(network, images[:1])
    network.eval()
    try:
        # Only shapes matter. On the meta device a network that replaces a pooling by a convolution
        # on CPUs uses the pooling.
        return _counted(copy_network(network).to("meta"), image.to("meta"))
    except (NaswotError, RuntimeError):
        return _counted(network, image)  # it needs values, or has tensors that are not moved


def _counted(network: nn.Module, image: Inputs) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return float(counter.get_total_flops())


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    return {"params": params(network), "flops": flops(network, batch.images)}
