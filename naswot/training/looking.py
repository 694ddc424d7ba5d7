"""What is seen of a network in training: its accuracies, and its score in either mode."""

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

EVALUATED_AT_ONCE = 500


@torch.no_grad()
def accuracy(
    network: nn.Module, data: Data, part: Part, layout: torch.memory_format, precision: str
) -> float:
    """Return the percentage of `part` that `network` tells right, in eval mode; NaN of nothing.

    Nothing in the network changes but the mode.
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


def current_score(network: nn.Module, batch: torch.Tensor, options: Options) -> float:
    """Return the naswot score of `network`, with its present weights, on the images of `batch`.

    Neither the network nor a random generator changes. NaN for a network without ReLUs.
    """
    with torch.random.fork_rng(), torch.no_grad():
        try:
            return score(network, batch, options.precision, options.relu_count).value
        except NoReluError:
            return np.nan


class EvalMode(nn.Module):
    """A network that stays in eval mode, whoever asks for train mode.

    Its batch normalisation uses the statistics that training has gathered: at first none.
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
    """Let forward passes in the block compute in `precision`, "float32" or "bfloat16"."""
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield
