"""Draw new initial weights for a network, by a scheme or as a score requires."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from naswot.scores.inputs import Inputs

# Layers with a weight (outputs, inputs, …) whose weights are drawn.
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def batch_norms(network: nn.Module) -> list[Any]:
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


def renew_statistics(network: nn.Module, like: Inputs, momentum: float) -> None:
    """Reset the running statistics of all batch normalisations and set their `momentum`.

    Layers without running statistics get them too. They have the device and type of `like`.
    """
    place: Any = {"dtype": like.dtype, "device": like.device}
    for module in batch_norms(network):
        module.track_running_stats, module.momentum = True, momentum
        module.running_mean = torch.zeros(module.num_features, **place)
        module.running_var = torch.ones(module.num_features, **place)
        module.num_batches_tracked = torch.tensor(0, device=like.device)


# Scheme → function that fills the weight of a convolution or linear layer. None keeps the weights
# that construction drew; for NAS-Bench-201 these are PyTorch's default, Kaiming uniform, a = √5.
SCHEMES: Mapping[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "default": None,
    "kaiming_normal": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "kaiming_uniform": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "xavier_normal": nn.init.xavier_normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
    "normal_0.01": partial(nn.init.normal_, std=0.01),
    "normal_1": nn.init.normal_,
}


def draw_scheme(network: nn.Module, scheme: str) -> None:
    """Draw new weights for convolutions and linear layers, in place, by one of `SCHEMES`.

    Biases and the parameters of normalisations do not change.
    """
    fill = SCHEMES[scheme]
    if fill is None:
        return
    for module in network.modules():
        if isinstance(module, LAYERS):
            fill(module.weight)
