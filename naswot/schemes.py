"""Ways to draw the initial weights of a network, and their names."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn

from naswot.scores.initial import LAYERS

# Scheme → what fills the weight of a convolution or linear layer; None leaves what the network's
# own construction drew: PyTorch's default, Kaiming uniform with a = √5, in NAS-Bench-201.
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
    """Draw the weights of convolutions and linear layers anew, in place, by one of `SCHEMES`.

    Biases, and the parameters of normalisations, stay as they are.
    """
    fill = SCHEMES[scheme]
    if fill is None:
        return
    for module in network.modules():
        if isinstance(module, LAYERS):
            fill(module.weight)
