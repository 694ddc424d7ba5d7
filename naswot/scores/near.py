"""NEAR (Husistein et al., ICLR 2025), network expressivity by activation rank: ranks of outputs.

The outputs of a layer are rows (B·H·W) of its C channels. C rows that follow each other are kept,
from a random start (all, if there are fewer). With their singular values s, divided by their sum,

    r = e^H(s), H(s) = −Σ s ln s           (the effective rank)
    near = Σ r over layers

Layers are modules with a weight, such as convolutions and normalisations, and the modules of
`torch.nn.modules.activation`; a module counts at each call. The value is a mean over `DRAWS`
initialisations by PyTorch's default (`reset_parameters`); the authors average more. The network is
in train mode.

Public code tests whether a module has the attribute `weight`, which normalisations without scale
have too (None); they do not count here. Functional activations and scripted modules are not seen,
and layers count even if the output does not depend on them. Channels are the second dimension, or
the last one of three (tokens). A layer whose outputs are all zero has rank 0. If an output is not
finite, the score is NaN.
"""

import math
from typing import Any

import torch
from torch import nn
from torch.nn.modules import activation

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.outputs import tensors_in
from naswot.scores.passes import prepare

DRAWS = 2


def is_layer(module: nn.Module) -> bool:
    """Return whether the output of `module` has a rank that counts."""
    if isinstance(module, torch.jit.ScriptModule):  # it takes no hooks
        return False
    own = type(module).__module__ == activation.__name__
    return own or isinstance(getattr(module, "weight", None), torch.Tensor)


def sampled_rows(output: torch.Tensor) -> torch.Tensor:
    """Return C rows that follow each other, (C, C), or all, of `output` (B, C, …) or (B, N, C)."""
    if output.ndim != 3:
        output = output.movedim(1, -1)
    channels, positions = output.shape[-1], math.prod(output.shape[1:-1])
    start = int(torch.randint(max(len(output) * positions - channels, 0) + 1, ()))
    first, last = start // positions, (start + channels - 1) // positions
    # Only the images that hold these rows are brought into the order of rows.
    rows = output[first : last + 1].reshape(-1, channels)
    return rows[start - first * positions :][:channels]


def effective_rank(rows: torch.Tensor) -> float:
    """Return e^H of the singular values of `rows` (n, C); 0 if all are 0, NaN if not finite."""
    if not rows.isfinite().all():
        return math.nan
    values = torch.linalg.svdvals(rows.double())
    if not values.any():
        return 0.0
    shares = values / values.sum()
    return torch.special.entr(shares).sum().exp().item()


def initialise(network: nn.Module) -> None:
    """Draw new weights by the modules' own methods; parameters of other modules stay."""
    for module in network.modules():
        for name in ("reset_parameters", "_reset_parameters"):  # the latter in attention
            if callable(reset := getattr(module, name, None)):
                reset()


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    network, images = prepare(network, batch.images)
    ranks: list[float] = []

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        found = next(tensors_in(output), None)  # attention returns its weights too
        if found is not None and found.is_floating_point() and found.ndim > 1 and found.numel():
            ranks.append(effective_rank(sampled_rows(found)))

    for module in filter(is_layer, network.modules()):
        module.register_forward_hook(keep)
    with torch.no_grad():
        for _ in range(DRAWS):
            initialise(network)
            network(images.clone())
    if not ranks:
        raise NaswotError(
            f"{type(network).__name__} has no module with a weight and no activation module that "
            "can be seen, so near does not apply to it."
        )
    return {"near": sum(ranks) / DRAWS}
