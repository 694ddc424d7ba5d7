"""Evaluate a network during training: its accuracies, and its score in train and eval mode."""

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from naswot.scores.base import Options
from naswot.scores.naswot import score
from naswot.scores.passes import first_output
from naswot.scores.relu import NoReluError
from naswot.training.images import Data, Part

EVALUATED_AT_ONCE = 500  # images


@torch.no_grad()
def accuracy(
    network: nn.Module, data: Data, part: Part, layout: torch.memory_format, precision: str
) -> float:
    """Return the percentage of `part` that `network` classifies correctly, in eval mode.

    It is NaN if `part` is empty. Only the network's mode changes.
    """
    if not len(part):
        return np.nan
    network.eval()
    correct = 0
    for pixels, labels in zip(
        part.pixels.split(EVALUATED_AT_ONCE), part.labels.split(EVALUATED_AT_ONCE), strict=True
    ):
        with computing_in(part.labels.device, precision):
            logits = first_output(network, data.normalised(pixels, layout))
        correct += (logits.argmax(1) == labels).sum().item()
    return 100 * correct / len(part)


def current_score(network: nn.Module, images: torch.Tensor, options: Options) -> float:
    """Return the naswot score of `network` with its current weights on `images` (B, 3, H, W).

    It is NaN for a network without ReLUs. Neither the network nor a random generator changes.
    """
    with torch.random.fork_rng(), torch.no_grad():
        try:
            return score(network, images, options.precision, options.relu_count).value
        except NoReluError:
            return np.nan


class EvalMode(nn.Module):
    """A network that stays in eval mode, even if `train` is called.

    Its batch normalisation uses the running statistics of training, which have their initial values
    before the first step.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.eval()

    def train(self, mode: bool = True) -> "EvalMode":
        """Do nothing."""
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the network's output."""
        return self.network(images)


@contextlib.contextmanager
def computing_in(device: torch.device, precision: str) -> Iterator[None]:
    """Run forward passes in the block in `precision`, "float32" or "bfloat16"."""
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield
