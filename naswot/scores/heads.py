"""What scores of outputs and gradients share: a network ready to run, and the output they take."""

import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.scores.base import Batch
from naswot.scores.rectifiers import tensors


def prepared(
    network: nn.Module, images: torch.Tensor, dtype: torch.dtype = torch.float32
) -> tuple[nn.Module, torch.Tensor]:
    """Return `network` in train mode and a copy of `images`, both at least as wide as `dtype`.

    The network is moved to the images' device. The copy may be written to: networks may rectify
    their input in place.
    """
    dtype = torch.promote_types(images.dtype, dtype)
    return network.train().to(images.device, dtype), images.detach().to(dtype, copy=True)


def first_output(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the first tensor of the output that has a row an image, as (B, width).

    Networks with auxiliary heads return their logits first.

    Raises:
        NaswotError: there is no such tensor.
    """
    for tensor in tensors(network(images)):
        if tensor.ndim and len(tensor) == len(images) and tensor.is_floating_point():
            return tensor.reshape(len(tensor), -1)
    raise NaswotError(
        f"{type(network).__name__} returns no tensor of floats with one row for each of the "
        f"{len(images)} images, so no score of outputs applies to it."
    )


def loss(network: nn.Module, images: torch.Tensor, batch: Batch, part: slice) -> torch.Tensor:
    """Return the mean cross-entropy of the first output on `images`, the images in `part`.

    Raises:
        NaswotError: the output is narrower than the number of classes.
    """
    logits = first_output(network, images)
    if logits.shape[1] < batch.classes:
        raise NaswotError(
            f"{type(network).__name__} has {logits.shape[1]} outputs for {batch.classes} classes; "
            "scores that look at labels need one for each class."
        )
    return functional.cross_entropy(logits, batch.labels[part])
