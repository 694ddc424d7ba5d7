"""Compute the score literally as its authors do: slowly, and independently of the library.

Two passes over the mini-batch, hooks on every module whose class name contains "ReLU", two
float products for each hooked call and nothing shared. A module counts if the backward pass
of the first forward visits it. `naswot.scores` is tested and timed against this.
"""

import numpy as np
import torch
from torch import nn


def kernel(network: nn.Module, images: torch.Tensor, containers: bool = True) -> np.ndarray:
    """Return the kernel matrix (B, B) of `network` on `images` (B, C, H, W), float32.

    With `containers`, as published: a container called ReLU-something counts beside the ReLU
    that it contains. Without, only modules that contain no other module count.
    """
    batch = len(images)
    total = np.zeros((batch, batch))
    visited: set[nn.Module] = set()

    def backward(module, grad_input, grad_output):
        visited.add(module)

    def forward(module, inputs, output):
        if module not in visited:  # nobody is, before the backward pass
            return
        flat = inputs[0].detach().reshape(batch, -1)
        codes = (flat > 0).float()
        both_on = codes @ codes.t()
        both_off = (1.0 - codes) @ (1.0 - codes.t())
        total[:] += both_on.cpu().numpy() + both_off.cpu().numpy()

    network.train()
    handles = []
    for module in network.modules():
        is_leaf = not list(module.children())
        if "ReLU" in type(module).__name__ and (containers or is_leaf):
            # The old-style hook: the full one wraps inputs and breaks on in-place ReLUs.
            handles.append(module.register_backward_hook(backward))
            handles.append(module.register_forward_hook(forward))
    logits = network(images.clone().requires_grad_())
    logits.backward(torch.ones_like(logits))
    network(images.clone())
    for handle in handles:
        handle.remove()
    return total


def score(network: nn.Module, images: torch.Tensor, containers: bool = True) -> float:
    """Return ln |det K| of `kernel`."""
    return float(np.linalg.slogdet(kernel(network, images, containers))[1])
