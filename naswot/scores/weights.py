"""The norm of the weights: l2_norm, which needs no data.

As in Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021), with w the weight
tensors of convolutions and linear layers (see `naswot.scores.passes`):

    l2_norm = Σ ‖w‖₂                      one norm per tensor
"""

import torch
from torch import nn

from naswot.scores.base import Batch, Options
from naswot.scores.passes import layer_weights, prepare, sum_float64


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the score. Only device and type of the mini-batch are used.

    Raises:
        NaswotError: there are no weights.
    """
    network, _ = prepare(network, batch.images[:1])
    with torch.no_grad():
        return {"l2_norm": sum_float64([w.double().norm() for w in layer_weights(network)])}
