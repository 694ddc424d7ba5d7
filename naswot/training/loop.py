"""Training one network, with its score looked at on the way.

Nothing that is looked at changes what is trained: scores are those of a copy, and the random
numbers of an epoch come from the seed and the number of the epoch alone. So a training that was
interrupted begins the epoch again in which it was, and ends in the same numbers.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.progress import Progress, log
from naswot.scores.base import Options, copied
from naswot.scores.naswot import score
from naswot.scores.passes import first_output
from naswot.scores.rectifiers import NoRectifierError
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import Data, Part, batches, steps_in
from naswot.training.protocol import Protocol

COLUMNS = {
    "epoch": "float64",
    "steps": "int64",
    "train_loss": "float64",
    "train_accuracy": "float64",
    "valid_accuracy": "float64",
    "test_accuracy": "float64",
    "score": "float64",
    "score_eval": "float64",
    "seconds": "float64",
    "eval_seconds": "float64",
}
EVALUATED_AT_ONCE = 500


@dataclass
class _Seen:
    """Loss and correct answers summed over the images since the last look."""

    loss: torch.Tensor
    correct: torch.Tensor
    images: int = 0

    @classmethod
    def nothing(cls, device: torch.device) -> "_Seen":
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))


def train_network(
    build: Callable[[int], nn.Module],
    data: Data,
    shown: torch.Tensor,
    protocol: Protocol,
    seed: int,
    options: Options = Options(),  # noqa: B008
    checkpoint: Checkpoint | None = None,
    label: str = "training",
) -> pd.DataFrame:
    """Train a network from its first weights and return a row a look at it.

    On a CPU the same arguments give the same numbers, if torch computes with as many threads.

    Args:
        build: number of classes → untrained network. It is called with torch's generator seeded
            as for scoring, so the first score is that of the untrained network.
        data: what it is trained and tested on; its device is where all is computed.
        shown: float32 (B, 3, H, W) on the same device, the mini-batch that it is scored on.
        protocol: how it is trained and how often looked at.
        seed: of the weights, the order of the images and their augmentation.
        options: how it is scored.
        checkpoint: where to keep its state after each epoch; None for nowhere.
        label: what lines of progress begin with.

    Returns:
        Columns `COLUMNS`: epochs and steps done; loss and accuracy (percent) on the images trained
        on since the row before, NaN before the first step; accuracies on validation and test
        images, NaN where there are none; score in train mode, which scores untrained networks too,
        and in eval mode (NaN for a network without rectifiers); seconds of training since the
        start, looks not counted; seconds of the last pass over the validation images. A loss that
        is not finite is kept, and so is what follows.

    Raises:
        NaswotError: the network cannot be trained on such images.
    """
    device = shown.device
    torch.manual_seed(seed)
    network = build(data.classes).to(device)
    layout = _layout(network, data.normalised(data.train.pixels[:2], torch.contiguous_format))
    network = network.to(memory_format=layout)
    optimiser = torch.optim.SGD(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=protocol.learning_rate,
        momentum=protocol.momentum,
        weight_decay=protocol.weight_decay,
        nesterov=protocol.momentum > 0,
    )
    steps = steps_in(data.train, protocol.batch_size)
    looks = protocol.looks(steps)
    step, rows, seconds = 0, [], 0.0
    if checkpoint is not None and (kept := checkpoint.load(network, optimiser, device)):
        step, rows, seconds = kept["steps"], kept["rows"], kept["seconds"]
        log.info("%s: going on after epoch %d", label, step // steps)
    progress = Progress(label, steps * protocol.epochs - step, "steps")

    def look(seen: _Seen) -> None:
        nonlocal seconds, started
        loss, correct = seen.loss.item(), seen.correct.item()  # waits for a GPU to be done
        seconds += time.perf_counter() - started
        begun = time.perf_counter()
        valid = accuracy(network, data, data.valid, layout, protocol.precision)
        took = time.perf_counter() - begun
        test = accuracy(network, data, data.test, layout, protocol.precision)
        rows.append(
            {
                "epoch": looks[step],
                "steps": step,
                "train_loss": loss / seen.images if seen.images else np.nan,
                "train_accuracy": 100 * correct / seen.images if seen.images else np.nan,
                "valid_accuracy": valid,
                "test_accuracy": test,
                "score": current_score(network, shown, options),
                "score_eval": current_score(EvalMode(network), shown, options),
                "seconds": seconds,
                "eval_seconds": took,
            }
        )
        started = time.perf_counter()

    started = time.perf_counter()
    if step == 0:
        look(_Seen.nothing(device))
    for epoch in range(step // steps, protocol.epochs):
        number = int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])
        generator = torch.Generator().manual_seed(number)
        torch.manual_seed(number)  # for networks that draw, such as those with dropout
        seen = _Seen.nothing(device)
        network.train()
        for pixels, labels in batches(data.train, protocol.batch_size, protocol.augment, generator):
            for group in optimiser.param_groups:
                group["lr"] = protocol.rate(step, steps * protocol.epochs)
            with _precision(device, protocol.precision):
                logits = first_output(network, data.normalised(pixels, layout))
            loss = functional.cross_entropy(logits.float(), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
            seen.loss += loss.detach() * len(labels)
            seen.correct += (logits.argmax(1) == labels).sum()
            seen.images += len(labels)
            progress.advance()
            if step in looks:
                look(seen)
                seen = _Seen.nothing(device)
                network.train()
        if not np.isfinite(rows[-1]["train_loss"]):
            log.warning("%s: the loss is %g in epoch %d", label, rows[-1]["train_loss"], epoch + 1)
        if checkpoint is not None:
            checkpoint.save(network, optimiser, {"steps": step, "rows": rows, "seconds": seconds})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


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
        with _precision(part.labels.device, precision):
            logits = first_output(network, data.normalised(pixels, layout))
        correct += (logits.argmax(1) == labels).sum().item()
    return 100 * correct / len(part)


def current_score(network: nn.Module, shown: torch.Tensor, options: Options) -> float:
    """Return the naswot score of `network` with the weights that it has, on images `shown`.

    Neither the network nor a random generator changes. NaN for a network without rectifiers.
    """
    with torch.random.fork_rng(), torch.no_grad():
        try:
            return score(network, shown, options.precision, options.relu_count).value
        except NoRectifierError:
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
def _precision(device: torch.device, precision: str) -> Iterator[None]:
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield


def _layout(network: nn.Module, images: torch.Tensor) -> torch.memory_format:
    """Return the memory format to train in: channels-last, but for networks that use `x.view`.

    Raises:
        NaswotError: the network fails on `images` (B, 3, H, W).
    """
    for layout in (torch.channels_last, torch.contiguous_format):
        trial = copied(network).to(memory_format=layout).train()
        try:
            with torch.no_grad():
                first_output(trial, images.contiguous(memory_format=layout))
        except Exception as error:  # whatever a user's network may raise
            if layout == torch.channels_last and "view size is not compatible" in str(error):
                continue
            size = "×".join(map(str, images.shape[1:]))
            raise NaswotError(
                f"it fails on images of {size} ({type(error).__name__}: {error})."
            ) from error
        break
    return layout
