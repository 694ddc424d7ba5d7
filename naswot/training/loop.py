"""Train one network, and evaluate its accuracies and its score during training.

Evaluations do not change the training: the score is computed on a copy, and the random numbers of
an epoch depend only on the seed and the epoch's number. An interrupted training therefore repeats
the epoch that was interrupted, and ends with the same numbers.
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
from naswot.runtime.progress import Progress, duration, log
from naswot.scores.base import Options
from naswot.scores.copying import copy_network
from naswot.scores.passes import first_output
from naswot.training.checkpoint import Checkpoint
from naswot.training.evaluation import EvalMode, accuracy, computing_in, current_score
from naswot.training.images import Data, batches, steps_in
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
class _Totals:
    """Sum of the loss and number of correct answers over the images since the last evaluation."""

    loss: torch.Tensor
    correct: torch.Tensor
    images: int = 0

    @classmethod
    def zero(cls, device: torch.device) -> "_Totals":
        return cls(torch.zeros((), device=device), torch.zeros((), device=device))


def train_network(
    build: Callable[[int], nn.Module],
    data: Data,
    mini_batch: torch.Tensor | None,
    protocol: Protocol,
    seed: int,
    options: Options = Options(),  # noqa: B008
    checkpoint: Checkpoint | None = None,
    label: str = "training",
) -> tuple[nn.Module, pd.DataFrame]:
    """Train a network from its initial weights; return it and one row per evaluation.

    On a CPU, the same arguments and the same number of threads give the same numbers.

    Args:
        build: number of classes → untrained network. It is called with torch's generator seeded
            as for scoring, so the first score is that of the untrained network.
        data: the images to train and test on; their device computes everything.
        mini_batch: float32 (B, 3, H, W) on the same device, the images to score on; None: do not
            compute the score.
        protocol: how the network is trained, and how often it is evaluated.
        seed: seed of the weights, of the order of the images and of their augmentation.
        options: options of the score.
        checkpoint: where to save the state after each epoch; None: nowhere.
        label: beginning of progress lines.

    Returns:
        The network, and a table of columns `COLUMNS`: epochs and steps done; loss and accuracy
        (percent) on the images trained on since the previous row, NaN before the first step;
        accuracies (percent) on validation and test images, NaN if there are none; score in train
        mode, as for untrained networks, and in eval mode (NaN for a network without ReLUs, or
        without a `mini_batch`); seconds of training since the start, without evaluations and
        checkpoints; seconds of the last pass over the validation images. Training does not stop at
        a loss that is not finite; the rows keep it.

    Raises:
        NaswotError: the network cannot be trained on such images.
    """
    make = partial(_untrained, build, data, protocol, seed)
    device = data.train.labels.device
    kept = checkpoint and checkpoint.load(make, device, dict)
    parts, state = kept or (make(), {})
    network = parts["network"]
    training = _Training(
        **parts,
        data=data,
        mini_batch=mini_batch,
        protocol=protocol,
        seed=seed,
        options=options,
        label=label,
        **state,
    )
    if kept:
        log.info("%s: resuming after epoch %d", label, training.epochs)
    else:
        training.evaluate(_Totals.zero(device))
    begun, first = time.perf_counter(), training.epochs
    while training.epochs < protocol.epochs:
        training.train_epoch()
        if checkpoint is not None:
            checkpoint.save(parts, training.state())
        training.tell((time.perf_counter() - begun) / (training.epochs - first))
    return network, pd.DataFrame(training.rows, columns=list(COLUMNS)).astype(COLUMNS)


def _untrained(
    build: Callable[[int], nn.Module], data: Data, protocol: Protocol, seed: int
) -> dict[str, Any]:
    """Return a `network` with its initial weights and its `optimiser`.

    Raises:
        NaswotError: the network has no trainable parameters.
    """
    torch.manual_seed(seed)
    network = build(data.classes).to(data.train.labels.device)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not parameters:
        raise NaswotError(
            "it has no parameters that require a gradient, so there is nothing to train: let "
            "the function that builds it return one that has."
        )
    optimiser = torch.optim.SGD(
        parameters,
        lr=protocol.learning_rate,
        momentum=protocol.momentum,
        weight_decay=protocol.weight_decay,
        nesterov=protocol.momentum > 0,
    )
    return {"network": network, "optimiser": optimiser}


@dataclass
class _Training:
    """A network in training, with one row per evaluation so far; fields as in `train_network`."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    data: Data
    mini_batch: torch.Tensor | None
    protocol: Protocol
    seed: int
    options: Options
    label: str
    steps: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.steps_an_epoch = steps_in(self.data.train, self.protocol.batch_size)
        self.evaluations = self.protocol.evaluations(self.steps_an_epoch)
        self.all_steps = self.steps_an_epoch * self.protocol.epochs
        self.device = self.data.train.labels.device
        self.layout = _layout(self.network, self.data)
        self.network.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.progress: Progress | None = None  # from the first step, for evaluations take long
        self.started = time.perf_counter()

    @property
    def epochs(self) -> int:
        """Number of complete epochs done."""
        return self.steps // self.steps_an_epoch

    def state(self) -> dict[str, Any]:
        """Return the state needed to resume, besides network and optimiser."""
        return {"steps": self.steps, "rows": self.rows, "seconds": self.seconds}

    def train_epoch(self) -> None:
        """Train for one epoch, with the evaluations that are due in it."""
        number = int(np.random.SeedSequence((self.seed, self.epochs)).generate_state(1)[0])
        generator = torch.Generator().manual_seed(number)
        torch.manual_seed(number)  # for networks that draw, such as those with dropout
        self.started = time.perf_counter()
        totals = _Totals.zero(self.device)
        self.progress = self.progress or Progress(self.label, self.all_steps - self.steps, "steps")
        self.network.train()
        part, how = self.data.train, self.protocol
        for pixels, labels in batches(part, how.batch_size, how.augment, generator):
            self._train_step(pixels, labels, totals)
            self.progress.advance()
            if self.steps in self.evaluations:
                self.evaluate(totals)
                totals = _Totals.zero(self.device)
                self.network.train()
        loss = self.rows[-1]["train_loss"]
        if not np.isfinite(loss):
            log.warning("%s: the loss is %g in epoch %d", self.label, loss, self.epochs)

    def _train_step(self, pixels: torch.Tensor, labels: torch.Tensor, totals: _Totals) -> None:
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

    def evaluate(self, totals: _Totals) -> None:
        """Evaluate the network and add a row, without using the training's random numbers."""
        loss, correct = totals.loss.item(), totals.correct.item()  # waits until the GPU is done
        self.seconds += time.perf_counter() - self.started
        network, precision = self.network, self.protocol.precision
        with torch.random.fork_rng():
            score_train = score_eval = np.nan
            if self.mini_batch is not None:
                score_train = current_score(network, self.mini_batch, self.options)
                score_eval = current_score(EvalMode(network), self.mini_batch, self.options)
            begun = time.perf_counter()
            valid = accuracy(network, self.data, self.data.valid, self.layout, precision)
            took = time.perf_counter() - begun
            test = accuracy(network, self.data, self.data.test, self.layout, precision)
        self.rows.append(
            {
                "epoch": self.evaluations[self.steps],
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

    def tell(self, pace: float) -> None:
        """Log the last evaluation; `pace` is the seconds per epoch, evaluations included."""
        row, left = self.rows[-1], self.protocol.epochs - self.epochs
        texts = [f"epoch {self.epochs} of {self.protocol.epochs}", f"loss {row['train_loss']:.3f}"]
        if np.isfinite(row["valid_accuracy"]):
            texts.append(f"validation accuracy {row['valid_accuracy']:.2f} %")
        if left:
            texts.append(f"{duration(left * pace)} left")
        log.info("%s: %s", self.label, ", ".join(texts))


def _layout(network: nn.Module, data: Data) -> torch.memory_format:
    """Return the memory format to train in: channels-last, except for networks that use `x.view`.

    Neither the network nor a random generator changes.

    Raises:
        NaswotError: the network fails on the images, or does not have one output per class.
    """
    for layout in (torch.channels_last, torch.contiguous_format):
        trial = copy_network(network).to(memory_format=layout).train()  # type: ignore[call-overload]
        images = data.normalised(data.train.pixels[:2], layout)
        try:
            with torch.no_grad(), torch.random.fork_rng():
                outputs = first_output(trial, images).shape[1]
        except NaswotError:
            raise
        except Exception as error:  # a user's network may raise anything
            if layout == torch.channels_last and "view size is not compatible" in str(error):
                continue
            size = "×".join(map(str, images.shape[1:]))
            raise NaswotError(
                f"it fails on images of {size} ({type(error).__name__}: {error})."
            ) from error
        break
    if outputs != data.classes:
        raise NaswotError(
            f"it has {outputs} outputs per image, and there are {data.classes} classes: let "
            "the function that builds it return one with one output per class."
        )
    return layout
