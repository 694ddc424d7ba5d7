"""What scores of gradients share: the layers whose weights count, and the loss.

The weights that count are those of convolutions and linear layers; biases, batch normalisation
and parameters of other modules (attention's projections, say) do not, as in the code of
Abdelfattah et al. (ICLR 2021), which however knows only 2-d convolutions. A weight that several
layers share counts once.
"""

import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.scores.base import Batch
from naswot.scores.rectifiers import tensors

LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def place(network: nn.Module, images: torch.Tensor) -> tuple[nn.Module, torch.Tensor]:
    """Return `network` on the device of `images`, and `images`, both in one floating-point dtype.

    It is float64 where `images` are, else float32.
    """
    dtype = torch.float64 if images.dtype == torch.float64 else torch.float32
    return network.to(images.device, dtype), images.to(dtype)


def weights(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights of `network`'s convolutions and linear layers, ready for gradients.

    Raises:
        NaswotError: there is none, or one is not a parameter but computed from others.
    """
    found = {}
    for name, layer in network.named_modules():
        if isinstance(layer, LAYERS):
            weight = layer.weight
            if not isinstance(weight, nn.Parameter):
                raise NaswotError(
                    f"The weight of {type(network).__name__}'s layer {name!r} is computed from "
                    "other parameters, so it has no gradient of its own to score."
                )
            found[id(weight)] = weight.requires_grad_()  # frozen weights are scored too
    if not found:
        raise NaswotError(
            f"{type(network).__name__} has no convolution or linear layer that can be seen "
            "(scripted modules hide theirs), so it has no weights to score."
        )
    return list(found.values())


def output(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return what `network` makes of `images` (B, …): of several outputs the first tensor.

    Raises:
        NaswotError: there is none, or no gradient can flow back from it.
    """
    # A copy, so that a network may rectify its own input in place.
    found = next(tensors(network(images.clone())), None)
    if found is None or not found.requires_grad:
        raise NaswotError(
            f"The output of {type(network).__name__} is no tensor that depends on its parameters, "
            "so there is no gradient to score."
        )
    return found


def loss(network: nn.Module, images: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return the cross-entropy of `network` on `batch`, averaged over images, a scalar.

    `images` are the batch's images as `place` returns them.

    The first tensor of the output holds the logits (B, classes); auxiliary heads do not count.

    Raises:
        NaswotError: as for `output`; the logits have another shape.
    """
    logits = output(network, images)
    expected = (len(batch.labels), batch.classes)
    if tuple(logits.shape) != expected:
        raise NaswotError(
            f"The output of {type(network).__name__} has the shape {tuple(logits.shape)}; scores "
            f"that look at labels need logits of the shape {expected}: an output a class."
        )
    return functional.cross_entropy(logits, batch.labels.clone())


def total(terms: list[torch.Tensor]) -> float:
    """Return the sum of scalar `terms` in float64; 0 if there are none."""
    return torch.stack(terms).double().sum().item() if terms else 0.0
