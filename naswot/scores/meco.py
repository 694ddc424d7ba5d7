"""MeCo (Jiang et al., NeurIPS 2023): how independent the channels of a network's features are.

One image of N(0, 1) passes through the network in train mode, with the weights that it has. The
output of a module has C channels of several positions each; with P (C, C) the Pearson correlations
between channels,

    meco = Σ λ_min(P) over modules

Correlations with a constant channel, which are not defined, are 0, also with itself. λ_min is 0 if
a channel is constant, or if there are no more positions than channels: so maps of few pixels add
nothing, and small images leave out the last layers.

Public code reads the outputs of all modules. A container returns what a module in it returns, so
that counts once more for each container around it. Here only modules without children count, once
per call, and no containers; that ranks cells of NAS-Bench-201 better (docs/reference/scores.md).
Functional operations and scripted modules are not seen. Channels are the second dimension,
or the last one of three (tokens). If an output is not finite, the score is NaN. Only the shape of
the images is used.
"""

import math
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.blocks import CONTAINERS, Block
from naswot.scores.failures import one_value_per_channel
from naswot.scores.inputs import on_floats
from naswot.scores.outputs import tensors_in
from naswot.scores.passes import prepare


def smallest_eigenvalue(rows: torch.Tensor) -> float:
    """Return λ_min of the correlations of the columns of `rows` (n, C); NaN if not finite."""
    if not rows.isfinite().all():
        return math.nan
    shifted = (rows - rows[0]).double()  # exactly 0 if a column is constant
    centred = shifted - shifted.mean(0)
    norms = centred.norm(dim=0)
    if len(rows) <= rows.shape[1] or not norms.all():
        return 0.0
    scaled = centred / norms
    return max(torch.linalg.eigvalsh(scaled.T @ scaled)[0].item(), 0.0)


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    network, image = prepare(network, batch.images[:1])
    found: list[float] = []

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        tensor = next(tensors_in(output), None)
        if tensor is not None and tensor.is_floating_point() and tensor.ndim > 1 and tensor.numel():
            found.append(smallest_eigenvalue(Block(tensor, False).rows()))

    for module in network.modules():
        left_out = isinstance(module, (torch.jit.ScriptModule, *CONTAINERS))  # the former: no hooks
        if not left_out and next(module.children(), None) is None:
            module.register_forward_hook(keep)
    with torch.no_grad(), one_value_per_channel(network, "meco"):
        network(on_floats(torch.randn_like, image))
    if not found:
        raise NaswotError(
            f"{type(network).__name__} has no module inside that can be seen, so meco does not "
            "apply to it."
        )
    return {"meco": sum(found)}
