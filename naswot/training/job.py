"""Train one network of a search space: the work of the rule `train_network`."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from naswot.errors import NaswotError
from naswot.io.parquet import read_parquet, write_parquet
from naswot.io.python_files import code_digest
from naswot.runtime.device import choose_precision, device_name, prepare_training
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata, versions
from naswot.scores.base import Options
from naswot.spaces import Space
from naswot.tables.batch import read_mini_batch
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import read_images
from naswot.training.loop import train_network
from naswot.training.protocol import Protocol


def train_one(
    space: Space,
    index: int,
    arch: str,
    images: str | Path,
    batch: str | Path,
    output: str | Path,
    *,
    protocol: Mapping[str, Any],
    seed: int,
    precision: str,
    relu_count: str,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Train one network and write one row per evaluation, see `naswot.training.loop.train_network`.

    After an interruption, call it again to resume: the state after each epoch is kept in a file
    beside the output, with the ending `.checkpoint`, until the output is complete.

    Args:
        space: the search space of the network.
        index, arch: the network's number in the space, and its architecture.
        images: .npz file of `naswot.training.images.split_images`.
        batch: .npz file of the mini-batch to score on.
        output: the Parquet file; columns `index` and `arch` come first.
        protocol: the fields of `Protocol`.
        seed: seed of the weights and of the order of the images.
        precision, relu_count: options of the score, see config/README.md.
        device: "auto" takes a GPU if torch sees one.
        threads: CPU threads that torch may use; it changes the last digits of the numbers.

    Raises:
        NaswotError: a file is damaged, the network cannot be trained, or there is no such device.
    """
    target = prepare_training(device, threads)
    precision = choose_precision(precision, target)
    data = read_images(images, target)
    mini_batch = torch.from_numpy(read_mini_batch(batch).images).to(target)
    plan = Protocol(**protocol)
    settings = {
        "space": space.name,
        "index": index,
        "arch": arch,
        "seed": seed,
        **{f"training_{key}": value for key, value in asdict(plan).items()},
        "precision": precision,
        "relu_count": relu_count,
        "device": device_name(target),
        "threads": threads,
        **data.described(),
    }
    digests = {
        "data": data.fingerprint(),
        "mini_batch": hashlib.sha256(mini_batch.cpu().numpy().tobytes()).hexdigest(),
        "code": None if space.file is None else code_digest(space.file),
    }
    checkpoint = Checkpoint(Path(f"{output}.checkpoint"), settings | digests | versions())
    label = f"network {index} ({arch}) on {data.about['images']}"
    with named(f"architecture {index} ({arch})", space.file):
        _, rows = train_network(
            partial(space.build, arch),
            data,
            mini_batch,
            plan,
            seed,
            Options(precision, relu_count),
            checkpoint,
            label,
        )
    rows.insert(0, "index", index)
    rows.insert(1, "arch", arch)
    write_parquet(rows, output, build_metadata(**settings) | {"origin": data.about["origin"]})
    checkpoint.remove()
    last = rows.iloc[-1]
    log.info(
        "%s: done, %.1f %% of the test images, %.0f s",
        label,
        last["test_accuracy"],
        last["seconds"],
    )


@contextmanager
def named(what: str, builder: str | None) -> Iterator[None]:
    """Name the network in the error messages of its training.

    Args:
        what: the network.
        builder: the user's code that builds it; None: there is none.

    Raises:
        NaswotError: training raised a NaswotError, or any error if a user's code builds the
            network.
    """
    try:
        yield
    except NaswotError as error:
        raise NaswotError(f"{what}: {error}") from error
    except Exception as error:
        if builder is None:
            raise
        raise NaswotError(
            f"{what} cannot be trained ({type(error).__name__}: {error}): fix the network that "
            f"{builder} builds."
        ) from error


def nth_network(networks: str | Path, number: int) -> tuple[int, str]:
    """Return index and architecture in row `number` of `naswot.training.benchmark.select_networks`.

    Raises:
        NaswotError: the file is damaged or has fewer rows.
    """
    listed = read_parquet(networks, ["index", "arch"])
    if number >= len(listed):
        raise NaswotError(
            f"figure6: {networks} has {len(listed)} networks: lower figure6.above or "
            "figure6.networks."
        )
    return int(listed["index"].iloc[number]), str(listed["arch"].iloc[number])
