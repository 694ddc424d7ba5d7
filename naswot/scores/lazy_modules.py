"""Passes that only look: lazy modules get their parameters, and nothing else of a network changes.

The modules of `torch.nn` called Lazy… have no parameters before they have seen an input. Until then
they can neither be counted nor, some of them, be copied.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy


def dry_run(network: nn.Module, images: torch.Tensor) -> Any:
    """Return the output of `network` for `images`, in eval mode.

    Its modes and the state of the random generators stay as they are. The modes are set without
    `eval()`, in which some networks do more than that.
    """
    modes = [(module, module.training) for module in network.modules()]
    try:
        for module, _ in modes:
            module.training = False  # keeps the statistics of batch normalisations
        with torch.random.fork_rng([images.device] if images.is_cuda else []), torch.no_grad():
            return network(images.clone())
    finally:
        for module, training in modes:
            module.training = training


def materialise(network: nn.Module, images: torch.Tensor) -> None:
    """Give the lazy modules of `network` their parameters, by a pass of `images` (B, …).

    Whatever the network raises is raised.
    """
    tensors = [*network.parameters(), *network.buffers()]
    if not any(map(is_lazy, tensors)):
        return
    kept = [(buffer, buffer.clone()) for buffer in network.buffers() if not is_lazy(buffer)]
    like = next((tensor for tensor in tensors if tensor.is_floating_point()), images)
    try:
        dry_run(network, images.to(like.device, like.dtype))
    finally:
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)
