"""Networks drawn anew, for scores that do not look at the weights as they are."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

# Layers with a weight (outputs, inputs, …), which draws look at.
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def batch_norms(network: nn.Module) -> list[nn.Module]:
    """Return the batch normalisations of `network`."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def draw_weights(network: nn.Module, std: Callable[[int], float]) -> None:
    """Draw the weights of `LAYERS` from N(0, std(fan-in)²).

    Biases become 0 and the scales of normalisations 1; other parameters are left as they are.
    """
    for module in network.modules():
        if isinstance(module, LAYERS):
            nn.init.normal_(module.weight, std=std(module.weight[0].numel()))
        elif isinstance(module, _BatchNorm | nn.GroupNorm | nn.LayerNorm):
            if module.weight is not None:
                nn.init.ones_(module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def renew_statistics(network: nn.Module, like: torch.Tensor, momentum: float) -> None:
    """Start the running statistics of batch normalisations anew, with `momentum`.

    They are kept even where a network keeps none, on the device and in the type of `like`.
    """
    for module in batch_norms(network):
        module.track_running_stats, module.momentum = True, momentum
        module.running_mean = like.new_zeros(module.num_features)
        module.running_var = like.new_ones(module.num_features)
        module.num_batches_tracked = torch.tensor(0, device=like.device)
