"""How large a network is: what every other score should be compared with.

- params: trainable parameters, in units.
- flops: floating-point operations of the forward pass of one image of the batch's shape, in eval
  mode (auxiliary heads that only train take no part), in units. A multiplication and an addition
  count as two. Convolutions, matrix products and attention count, as PyTorch's `FlopCounterMode`
  has them; biases, normalisations, activations and poolings do not.
"""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options, copy_network
from naswot.scores.passes import prepare


def params(network: nn.Module) -> float:
    """Return the number of trainable parameters; a shared one counts once."""
    return float(sum(p.numel() for p in network.parameters() if p.requires_grad))


def flops(network: nn.Module, images: torch.Tensor) -> float:
    """Return the operations for the first of `images` (B, …). Takes `network` over."""
    network, image = prepare(network, images[:1])
    network.eval()
    try:
        # Shapes are all that matters. This also counts a pooling as one where a network computes
        # it on CPUs by a convolution.
        return _counted(copy_network(network).to("meta"), image.to("meta"))
    except (NaswotError, RuntimeError):
        return _counted(network, image)  # it looks at values, or holds tensors of its own


def _counted(network: nn.Module, image: torch.Tensor) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return float(counter.get_total_flops())


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    return {"params": params(network), "flops": flops(network, batch.images)}
