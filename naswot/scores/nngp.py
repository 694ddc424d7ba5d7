"""The score of Park et al. ("Towards NNGP-guided Neural Architecture Search", 2020).

A wide random network is a Gaussian process. Its kernel is estimated by Monte Carlo over `DRAWS`
initialisations,

    K[i, j] = mean over draws and features of φ(x_i) φ(x_j),

where φ is the input of the last linear layer that is called. (To draw that layer too would only add
noise. Without such a layer, φ is the first output.) Images 0, 2, 4, … are fitted by kernel
regression on one-hot labels, and the others are predicted:

    f = K_vt (K_tt + ε tr(K_tt)/n)⁻¹ Y,   ε = `RIDGE`.

nngp is the share of these that is classified correctly. If k classes have the same highest
prediction, a correct one among them counts 1 / k; so a network that distinguishes nothing scores
1 / classes. The paper fits thousands of images; the score of a small mini-batch is coarse and close
to chance.

Weights of convolutions and linear layers are drawn from N(0, 2 / fan-in); biases are 0; scales and
shifts of normalisations are 1 and 0. Other parameters do not change.
"""

import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.scores.base import Batch, Options, are_classes
from naswot.scores.initialisation import draw_weights
from naswot.scores.inputs import Inputs
from naswot.scores.passes import first_output_fast, prepare

DRAWS = 2
RIDGE = 1e-3


def last_features(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return the input of the last linear layer called, or the output, as float64 (B, width)."""
    last: list[torch.Tensor] = []

    def keep(_, inputs):
        last[:] = [inputs[0].detach().clone()]

    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    handles = [module.register_forward_pre_hook(keep) for module in linear]
    output = first_output_fast(network, images)
    for handle in handles:
        handle.remove()
    features = last[0] if last and len(last[0]) == len(images) else output
    return features.flatten(1).double()


def estimate_kernel(network: nn.Module, images: Inputs) -> torch.Tensor:
    """Return the estimated kernel K (B, B) in float64. Changes `network`."""
    network, images = prepare(network, images)
    total = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)
    with torch.no_grad():
        for _ in range(DRAWS):
            draw_weights(network, lambda fan_in: (2 / fan_in) ** 0.5)
            features = last_features(network, images.clone())
            total += features @ features.t() / features.shape[1]
    return total / DRAWS


def accuracy(matrix: torch.Tensor, labels: torch.Tensor, classes: int) -> float:
    """Return the share of odd images that kernel `matrix` (B, B) predicts from the even ones.

    NaN if the kernel is not finite.
    """
    if not matrix.isfinite().all():
        return torch.nan
    fit, test = matrix[::2, ::2], matrix[1::2, ::2]
    targets = functional.one_hot(labels[::2], classes).to(matrix.dtype)
    ridge = RIDGE * fit.diagonal().mean()
    if ridge > 0:
        ridge = ridge * torch.eye(len(fit), dtype=matrix.dtype, device=matrix.device)
        predicted = test @ torch.linalg.solve(fit + ridge, targets)
    else:  # the kernel is zero
        predicted = targets.new_zeros(len(test), classes)
    best = predicted == predicted.amax(1, keepdim=True)
    hits = best.gather(1, labels[1::2, None])[:, 0].double() / best.sum(1)
    return hits.mean().item()


def compute(network: nn.Module, batch: Batch, options: Options) -> dict[str, float]:
    """Return the scores of the family."""
    if len(batch.images) < 2:
        raise NaswotError("nngp predicts images from others; one image is not enough.")
    if not are_classes(batch.labels, batch.classes):
        raise NaswotError("nngp predicts classes; it needs labels (B,), the class of each image.")
    return {"nngp": accuracy(estimate_kernel(network, batch.images), batch.labels, batch.classes)}
