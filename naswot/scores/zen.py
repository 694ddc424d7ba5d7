"""The Zen-score (Lin et al., "Zen-NAS", ICCV 2021): how much features change with the input.

With weights, images x and noise ε drawn from N(0, 1), and the feature map f before global pooling,

    zen = ln ‖f(x) − f(x + 0.01 ε)‖ + Σ ln σ over the batch normalisations.

The sum restores the scale that batch normalisation removes. As in the authors' code and in
NAS-Bench-Suite-Zero, and unlike in the paper, the norm is the sum of absolute differences of an
image, averaged over images, and σ² is the mean over channels of the running variance after the two
forward passes. (It starts at 1 with momentum 0.1: batch variances v₁ and v₂ give
0.81 + 0.09 v₁ + 0.1 v₂.) So a batch normalisation whose input is zero does not make the score −∞.

Only the shape of the mini-batch is used, and at most `IMAGES` images are drawn. The score is that
of one draw, as in NAS-Bench-Suite-Zero (the authors' code averages several).
"""

from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options
from naswot.scores.initialisation import batch_norms, draw_weights, renew_statistics
from naswot.scores.inputs import Inputs, on_floats
from naswot.scores.passes import prepare

IMAGES = 16
PERTURBATION = 1e-2

POOLINGS = frozenset(
    f"{kind}_pool{dimensions}d"
    for kind in ("adaptive_avg", "adaptive_max", "avg", "max")
    for dimensions in (1, 2, 3)
) | {"mean", "amax"}
FLATTENINGS = frozenset({"flatten", "reshape", "view"})


class Features(TorchFunctionMode):
    """While active, keeps the last feature map that is pooled globally or flattened.

    Global pooling is recognised by the function that is called: a pooling, mean or maximum that
    reduces a map (B, C, …) to one number per channel. Flattening is that of a map with several
    positions.
    """

    def __init__(self):
        super().__init__()
        self.map: torch.Tensor | None = None

    def __torch_function__(self, func: Any, types: Any, args=(), kwargs=None):
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in POOLINGS or name in FLATTENINGS:
            x = args[0] if args else kwargs["input"]
            if x.ndim >= 3 and _ends_features(name, x, output):
                self.map = x.detach().clone()  # later layers may change its memory in place
        return output


def _ends_features(name: str, x: torch.Tensor, output: torch.Tensor) -> bool:
    if name in FLATTENINGS:
        return output.ndim == 2 and len(output) == len(x) and x[0, 0].numel() > 1
    return output.shape[:2] == x.shape[:2] and output.numel() == x.shape[0] * x.shape[1]


def feature_map(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return the features (B, C, …) of `images` before the global pooling of `network`.

    Raises:
        NaswotError: the network neither pools a feature map globally nor flattens one.
    """
    with Features() as features:
        network(images)
    if features.map is None:
        raise NaswotError(
            f"{type(network).__name__} neither pools a feature map over all positions nor "
            "flattens one (where that can be seen), so zen does not apply to it."
        )
    return features.map


def zen(network: nn.Module, images: Inputs) -> float:
    """Return the Zen-score of one draw, for the shape of `images`. Changes `network`."""
    draw_weights(network, lambda fan_in: 1.0)
    renew_statistics(network, images, momentum=0.1)
    x = on_floats(torch.randn_like, images)
    perturbed = on_floats(lambda one: one + PERTURBATION * torch.randn_like(one), x)
    change = feature_map(network, x) - feature_map(network, perturbed)
    found = change.flatten(1).double().abs().sum(1).mean().log()
    for module in batch_norms(network):
        found += module.running_var.double().mean().sqrt().log()
    return found.item()


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    network, images = prepare(network, batch.images[:IMAGES])
    with torch.no_grad():
        return {"zen": zen(network, images)}
