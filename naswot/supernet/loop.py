"""Run one search with shared weights: its epochs, its clock, its checkpoints, its choice.

The random numbers of an epoch depend only on the seed and the epoch's number. An interrupted search
repeats the epoch that was interrupted, and ends with the same numbers.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from naswot.runtime.progress import Progress, log
from naswot.supernet import METHODS
from naswot.supernet.cells import CellSpace
from naswot.supernet.network import Supernet
from naswot.supernet.protocol import Protocol
from naswot.supernet.rsps import random_genes
from naswot.supernet.searcher import Batch, Searcher, Streams, Validation
from naswot.supernet.selection import accuracy
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import Data, augment, batches, steps_in

# Numbers of streams beside the epochs', which count from 0.
SELECTION, COMPARISON = 1_000_000, 1_000_001
COMPARED_IMAGES = 512


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        architecture: the string of the chosen architecture; None: the search diverged.
        rows: one row an epoch: `epoch`; `train_loss`, `train_accuracy` (percent) over its training
            steps; `valid_loss` over its architecture steps, NaN if there are none; `best`, the most
            probable architecture, and `best_accuracy`, its accuracy in percent on the first
            validation images, or None and NaN; `probabilities`, a list of edges × operations, or
            None; `seconds` since the start, as published: of training alone.
        seconds: of training and of the choice.
        diverged: how the search diverged; "": it did not.
        searcher: its end, for instance to try other architectures.
    """

    architecture: str | None
    rows: pd.DataFrame
    seconds: float
    diverged: str
    searcher: Searcher


def share(
    space: CellSpace,
    data: Data,
    method: str,
    protocol: Protocol,
    seed: int,
    checkpoint: Checkpoint | None = None,
    dtype: torch.dtype = torch.float32,
    label: str = "search",
) -> Found:
    """Search once.

    On a CPU, the same arguments and the same number of threads give the same result.

    Args:
        space: the space.
        data: the images; `train` trains weights, `valid` architectures. Their device computes.
        method: a key of `naswot.supernet.METHODS`.
        protocol: the settings.
        seed: seed of the weights and of all draws.
        checkpoint: where to save the state after each epoch; None: nowhere.
        dtype: of the weights; float64 to compare with slow code.
        label: beginning of progress lines.
    """
    device = data.train.labels.device

    def make() -> Searcher:
        torch.manual_seed(seed)
        supernet = Supernet(space, data.classes, protocol.running_statistics)
        supernet = supernet.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return METHODS[method].searcher(supernet, protocol)

    kept = checkpoint and checkpoint.load(make, device, lambda searcher: searcher.parts())
    searcher, state = kept or (make(), {"rows": [], "seconds": 0.0})
    rows, diverged = state["rows"], ""
    if rows:
        log.info("%s: resuming after epoch %d", label, len(rows))
    progress = Progress(label, protocol.epochs - len(rows), "epochs")
    while len(rows) < protocol.epochs and not diverged:
        started = time.perf_counter()
        row = {"epoch": len(rows) + 1} | _train_epoch(searcher, data, len(rows), seed)
        state["seconds"] += time.perf_counter() - started
        rows.append(row | _look(searcher, data) | {"seconds": state["seconds"]})
        diverged = _divergence(rows[-1])
        if checkpoint is not None and not diverged:
            checkpoint.save(searcher.parts(), state)
        progress.advance()
    started, chosen = time.perf_counter(), None
    if diverged:
        log.warning("%s: %s", label, diverged)
    else:
        streams = _streams(seed, SELECTION)
        chosen = space.architecture(searcher.choose(_validation(searcher, data, streams), streams))
    seconds = state["seconds"] + time.perf_counter() - started
    return Found(chosen, pd.DataFrame(rows), seconds, diverged, searcher)


def compare(searcher: Searcher, data: Data, seed: int, count: int) -> pd.DataFrame:
    """Return the accuracy of random architectures with the shared weights.

    Args:
        searcher: of a search that has ended.
        data: its images. All architectures are tried on the same `COMPARED_IMAGES` validation
            images.
        seed: seed of the architectures.
        count: number of draws; architectures drawn twice are in the table once.

    Returns:
        Columns `arch` and `shared_accuracy` (percent).
    """
    streams, space = _streams(seed, COMPARISON), searcher.supernet.space
    drawn = dict.fromkeys(random_genes(space, streams.draws) for _ in range(count))
    batch = _first(searcher, data)
    found = [(space.architecture(genes), accuracy(searcher, genes, batch)) for genes in drawn]
    return pd.DataFrame(found, columns=["arch", "shared_accuracy"])


def _streams(seed: int, number: int) -> Streams:
    """Return the random numbers of an epoch, or of what follows the epochs."""
    seeds = np.random.SeedSequence((seed, number)).generate_state(3).tolist()
    return Streams(*(torch.Generator().manual_seed(one) for one in seeds))


def _train_epoch(searcher: Searcher, data: Data, epoch: int, seed: int) -> dict[str, float]:
    """Train for one epoch; return the means of its losses and its accuracy."""
    streams, protocol = _streams(seed, epoch), searcher.protocol
    valid = _validation(searcher, data, streams)
    searcher.begin_epoch(epoch)
    nothing = torch.zeros((), device=searcher.device)
    losses, correct, checks, images = nothing, nothing, nothing, 0
    batch_size, augmented = protocol.batch_size, protocol.augment
    for pixels, labels in batches(data.train, batch_size, augmented, streams.images):
        found = searcher.step((_normalised(searcher, data, pixels), labels), valid, streams)
        losses = losses + found["train_loss"] * len(labels)
        correct = correct + found["train_correct"]
        checks = checks + found.get("valid_loss", np.nan)
        images += len(labels)
    searcher.end_epoch(valid, streams)
    return {
        "train_loss": float(losses) / images,
        "train_accuracy": 100 * float(correct) / images,
        "valid_loss": float(checks) / steps_in(data.train, batch_size),
    }


def _look(searcher: Searcher, data: Data) -> dict[str, Any]:
    """Return the most probable architecture, its accuracy, and all probabilities."""
    shares = searcher.probabilities()
    if shares is None:
        return {"best": None, "best_accuracy": np.nan, "probabilities": None}
    genes = tuple(shares.argmax(1).tolist())
    return {
        "best": searcher.supernet.space.architecture(genes),
        "best_accuracy": accuracy(searcher, genes, _first(searcher, data)),
        "probabilities": shares.flatten().tolist(),
    }


def _divergence(row: dict[str, Any]) -> str:
    """Return how a search diverged in an epoch; "" if it did not."""
    for name in ("train_loss", "valid_loss"):
        if np.isinf(row[name]) or (np.isnan(row[name]) and (name == "train_loss" or row["best"])):
            return f"diverged: {name} is {row[name]:g} in epoch {row['epoch']}"
    return ""


def _validation(searcher: Searcher, data: Data, streams: Streams) -> Validation:
    part, generator = data.valid, streams.valid

    def drawn(count: int) -> Batch:
        rows = torch.randint(len(part), (count,), generator=generator).to(part.labels.device)
        pixels = part.pixels[rows]
        if searcher.protocol.augment:
            pixels = augment(pixels, generator)
        return _normalised(searcher, data, pixels), part.labels[rows]

    def passes(count: int, augmented: bool) -> Iterator[Batch]:
        augmented = augmented and searcher.protocol.augment
        while True:
            for pixels, labels in batches(part, count, augmented, generator):
                yield _normalised(searcher, data, pixels), labels

    return Validation(drawn, passes)


def _first(searcher: Searcher, data: Data) -> Batch:
    """Return the first validation images."""
    pixels, labels = data.valid.pixels[:COMPARED_IMAGES], data.valid.labels[:COMPARED_IMAGES]
    return _normalised(searcher, data, pixels), labels


def _normalised(searcher: Searcher, data: Data, pixels: torch.Tensor) -> torch.Tensor:
    return data.normalised(pixels, torch.channels_last).to(searcher.weights[0].dtype)
