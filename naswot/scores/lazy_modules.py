"""Forward passes that give lazy modules their parameters and change nothing else of a network.

The modules of `torch.nn` called Lazy… have no parameters before their first input. Until then their
parameters cannot be counted, and some of these modules cannot be copied.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from naswot.scores.inputs import Inputs


def dry_run(network: nn.Module, images: Inputs) -> Any:
    """Return the output of `network` for `images`, in eval mode.

    Modes and the state of the random generators are restored. Modes are set without `eval()`,
    because some networks override it to do more.
    """
    modes = [(module, module.training) for module in network.modules()]
    try:
        for module, _ in modes:
            module.training = False  # so that running statistics do not change
        with torch.random.fork_rng([images.device] if images.is_cuda else []), torch.no_grad():
            return network(images.clone())
    finally:
        for module, training in modes:
            module.training = training


def materialise(network: nn.Module, images: Inputs) -> None:
    """Give the lazy modules of `network` their parameters by a forward pass of `images` (B, …).

    Errors of the network are not caught.
    """
    tensors = [*network.parameters(), *network.buffers()]
    if not any(map(is_lazy, tensors)):
        return
    kept = [(buffer, buffer.clone()) for buffer in network.buffers() if not is_lazy(buffer)]
    like: Any = next((tensor for tensor in tensors if tensor.is_floating_point()), images)
    try:
        dry_run(network, images.to(like.device, like.dtype))
    finally:
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)
