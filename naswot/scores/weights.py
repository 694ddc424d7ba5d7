"""The size of the weights as they are drawn: l2_norm, which looks at no data.

As in Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS" (ICLR 2021), with w the weight
tensors of convolutions and linear layers (see `naswot.scores.passes`):

    l2_norm = Σ ‖w‖₂                      one norm a tensor
"""

import torch
from torch import nn

from naswot.scores.base import Batch, Options
from naswot.scores.passes import layer_weights, prepare, sum_float64


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the score; of the mini-batch only device and type count.

    Raises:
        NaswotError: no weights.
    """
    network, _ = prepare(network, batch.images[:1])
    with torch.no_grad():
        return {"l2_norm": sum_float64([w.double().norm() for w in layer_weights(network)])}
