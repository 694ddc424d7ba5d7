"""Training one network, with its score looked at on the way.

Nothing that is looked at changes what is trained: scores are those of a copy, and the random
numbers of an epoch come from the seed and the number of the epoch alone. So a training that was
interrupted begins the epoch again in which it was, and ends in the same numbers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from naswot.errors import NaswotError
from naswot.runtime.progress import Progress, log
from naswot.scores.base import Options, copy_network
from naswot.scores.passes import first_output
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import Data, batches, steps_in
from naswot.training.looking import EvalMode, accuracy, computing_in, current_score
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


@dataclass
class _RunningTotals:
    """Loss and number of correct answers, summed over the images since the last row."""

    loss: torch.Tensor
    correct: torch.Tensor
    images: int = 0

    @classmethod
    def zero(cls, device: torch.device) -> "_RunningTotals":
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))


def train_network(
    build: Callable[[int], nn.Module],
    data: Data,
    batch: torch.Tensor,
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
        batch: float32 (B, 3, H, W) on the same device, the mini-batch that it is scored on.
        protocol: how it is trained and how often looked at.
        seed: of the weights, the order of the images and their augmentation.
        options: how it is scored.
        checkpoint: where to keep its state after each epoch; None for nowhere.
        label: what lines of progress begin with.

    Returns:
        Columns `COLUMNS`: epochs and steps done; loss and accuracy (percent) on the images trained
        on since the row before, NaN before the first step; accuracies on validation and test
        images, NaN where there are none; score in train mode, which scores untrained networks too,
        and in eval mode (NaN for a network without ReLUs); seconds of training since the
        start, without looks and checkpoints; seconds of the last pass over the validation images.
        A loss that is not finite is kept, and so is what follows.

    Raises:
        NaswotError: the network cannot be trained on such images.
    """
    make = partial(_untrained, build, data, protocol, seed)
    kept = checkpoint and checkpoint.load(make, batch.device)
    network, optimiser, state = kept or (*make(), {})
    training = _Training(network, optimiser, data, batch, protocol, seed, options, label, **state)
    if kept:
        log.info("%s: going on after epoch %d", label, training.epochs)
    else:
        training.look(_RunningTotals.zero(batch.device))
    while training.epochs < protocol.epochs:
        training.train_epoch()
        if checkpoint is not None:
            checkpoint.save(network, optimiser, training.state())
    return pd.DataFrame(training.rows, columns=list(COLUMNS)).astype(COLUMNS)


def _untrained(
    build: Callable[[int], nn.Module], data: Data, protocol: Protocol, seed: int
) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a network with its first weights and its optimiser.

    Raises:
        NaswotError: it has no parameters.
    """
    torch.manual_seed(seed)
    network = build(data.classes).to(data.train.labels.device)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not parameters:
        raise NaswotError(
            "it has no parameters that require a gradient, so there is nothing to train: let "
            "build(arch) return a network that has."
        )
    optimiser = torch.optim.SGD(
        parameters,
        lr=protocol.learning_rate,
        momentum=protocol.momentum,
        weight_decay=protocol.weight_decay,
        nesterov=protocol.momentum > 0,
    )
    return network, optimiser


@dataclass
class _Training:
    """A network in training: how far it is, and a row a look at it. Fields as `train_network`."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    data: Data
    batch: torch.Tensor
    protocol: Protocol
    seed: int
    options: Options
    label: str
    steps: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.steps_an_epoch = steps_in(self.data.train, self.protocol.batch_size)
        self.looks = self.protocol.looks(self.steps_an_epoch)
        self.all_steps = self.steps_an_epoch * self.protocol.epochs
        self.layout = _layout(self.network, self.data)
        self.network.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.progress = Progress(self.label, self.all_steps - self.steps, "steps")
        self.started = time.perf_counter()

    @property
    def epochs(self) -> int:
        """Whole epochs done."""
        return self.steps // self.steps_an_epoch

    def state(self) -> dict[str, Any]:
        """Return what a training goes on with, besides network and optimiser."""
        return {"steps": self.steps, "rows": self.rows, "seconds": self.seconds}

    def train_epoch(self) -> None:
        """Train on each image once more, and look at the network whenever it is time."""
        number = int(np.random.SeedSequence((self.seed, self.epochs)).generate_state(1)[0])
        generator = torch.Generator().manual_seed(number)
        torch.manual_seed(number)  # for networks that draw, such as those with dropout
        self.started = time.perf_counter()
        totals = _RunningTotals.zero(self.batch.device)
        self.network.train()
        part, how = self.data.train, self.protocol
        for pixels, labels in batches(part, how.batch_size, how.augment, generator):
            self._train_step(pixels, labels, totals)
            if self.steps in self.looks:
                self.look(totals)
                totals = _RunningTotals.zero(self.batch.device)
                self.network.train()
        loss = self.rows[-1]["train_loss"]
        if not np.isfinite(loss):
            log.warning("%s: the loss is %g in epoch %d", self.label, loss, self.epochs)

    def _train_step(
        self, pixels: torch.Tensor, labels: torch.Tensor, totals: _RunningTotals
    ) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.protocol.rate(self.steps, self.all_steps)
        with computing_in(labels.device, self.protocol.precision):
            logits = first_output(self.network, self.data.normalised(pixels, self.layout))
        loss = functional.cross_entropy(logits.float(), labels)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.steps += 1
        totals.loss += loss.detach() * len(labels)
        totals.correct += (logits.argmax(1) == labels).sum()
        totals.images += len(labels)
        self.progress.advance()

    def look(self, totals: _RunningTotals) -> None:
        """Add a row; random numbers that a network draws in it are not those of its training."""
        loss, correct = totals.loss.item(), totals.correct.item()  # waits for a GPU to be done
        self.seconds += time.perf_counter() - self.started
        network, precision = self.network, self.protocol.precision
        with torch.random.fork_rng():
            score_train = current_score(network, self.batch, self.options)
            score_eval = current_score(EvalMode(network), self.batch, self.options)
            begun = time.perf_counter()
            valid = accuracy(network, self.data, self.data.valid, self.layout, precision)
            took = time.perf_counter() - begun
            test = accuracy(network, self.data, self.data.test, self.layout, precision)
        self.rows.append(
            {
                "epoch": self.looks[self.steps],
                "steps": self.steps,
                "train_loss": loss / totals.images if totals.images else np.nan,
                "train_accuracy": 100 * correct / totals.images if totals.images else np.nan,
                "valid_accuracy": valid,
                "test_accuracy": test,
                "score": score_train,
                "score_eval": score_eval,
                "seconds": self.seconds,
                "eval_seconds": took,
            }
        )
        self.started = time.perf_counter()


def _layout(network: nn.Module, data: Data) -> torch.memory_format:
    """Return the memory format to train in: channels-last, but for networks that use `x.view`.

    Neither the network nor a random generator changes.

    Raises:
        NaswotError: the network fails on the images, or has not an output a class.
    """
    for layout in (torch.channels_last, torch.contiguous_format):
        trial = copy_network(network).to(memory_format=layout).train()  # type: ignore[call-overload]
        images = data.normalised(data.train.pixels[:2], layout)
        try:
            with torch.no_grad(), torch.random.fork_rng():
                outputs = first_output(trial, images).shape[1]
        except NaswotError:
            raise
        except Exception as error:  # whatever a user's network may raise
            if layout == torch.channels_last and "view size is not compatible" in str(error):
                continue
            size = "×".join(map(str, images.shape[1:]))
            raise NaswotError(
                f"it fails on images of {size} ({type(error).__name__}: {error})."
            ) from error
        break
    if outputs != data.classes:
        raise NaswotError(
            f"it has {outputs} outputs an image, and there are {data.classes} classes: let "
            "build(arch, classes) return a network with an output a class."
        )
    return layout
