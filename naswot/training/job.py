"""Training one network of a list: what the rule `train` does."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from naswot.errors import NaswotError
from naswot.files import read_metadata, read_parquet, write_parquet
from naswot.images.drawing import read_mini_batch
from naswot.progress import log
from naswot.provenance import described, versions
from naswot.scores.base import Options
from naswot.scoring import choose_device, device_name, keep_freed_memory
from naswot.spaces import get_space
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import read_images
from naswot.training.loop import train_network
from naswot.training.protocol import Protocol


def train_one(
    networks: str | Path,
    number: int,
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
    """Train one network and write a row a look at it, see `naswot.training.loop.train_network`.

    What is interrupted goes on when it is called again: the state after each epoch is kept beside
    the output, with the ending `.checkpoint`, until the output is there.

    Args:
        networks: Parquet file with `index` and `arch`, and the `space` in its metadata.
        number: the network's row.
        images: .npz file of `naswot.training.images.write_images`.
        batch: .npz file of the mini-batch to score on.
        output: the Parquet file; columns `index` and `arch` come first.
        protocol: the fields of `Protocol`.
        seed: of weights and images.
        precision, relu_count: of the score, see config/README.md.
        device: "auto" takes a GPU if torch sees one.
        threads: CPU threads that torch may use; numbers depend on it in their last digits.

    Raises:
        NaswotError: a file is damaged, the network cannot be trained, or there is no such device.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # gradients that fade away would take a hundred times as long
    torch.backends.cudnn.deterministic = True
    keep_freed_memory()
    target = choose_device(device)
    about, listed = read_metadata(networks), read_parquet(networks, ["index", "arch"])
    index, arch = int(listed["index"].iloc[number]), str(listed["arch"].iloc[number])
    data = read_images(images, target)
    shown = torch.from_numpy(read_mini_batch(batch).images).to(target)
    plan = Protocol(**protocol)
    settings = {
        "space": about["space"],
        "index": index,
        "arch": arch,
        "seed": seed,
        **{f"training_{key}": value for key, value in asdict(plan).items()},
        "precision": precision,
        "relu_count": relu_count,
        "device": device_name(target),
        "threads": threads,
        **{key: data.about[key] for key in data.about if key.endswith("images")},
        "image_size": data.about["image_size"],
    }
    seen = {"data": data.fingerprint(), "shown": hashlib.sha256(shown.cpu().numpy()).hexdigest()}
    checkpoint = Checkpoint(Path(f"{output}.checkpoint"), settings | seen | versions())
    space = get_space(about["space"])
    label = f"network {number + 1} ({arch}) on {data.about['images']}"
    try:
        rows = train_network(
            partial(space.build, arch),
            data,
            shown,
            plan,
            seed,
            Options(precision, relu_count),
            checkpoint,
            label,
        )
    except NaswotError as error:
        raise NaswotError(f"architecture {index} ({arch}): {error}") from error
    rows.insert(0, "index", index)
    rows.insert(1, "arch", arch)
    write_parquet(rows, output, described(**settings) | {"origin": data.about["origin"]})
    checkpoint.remove()
    last = rows.iloc[-1]
    log.info(
        "%s: done, %.1f %% of the test images, %.0f s",
        label,
        last["test_accuracy"],
        last["seconds"],
    )
