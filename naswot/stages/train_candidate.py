"""Train one of the networks that `naswot.stages.draw_candidates` chose."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.io.python_files import code_digest
from naswot.runtime.device import device_name, prepare_training
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata, versions
from naswot.spaces.choice_spaces import choice_space
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import read_images
from naswot.training.job import named
from naswot.training.loop import COLUMNS, train_network
from naswot.training.protocol import Protocol


def train_candidate(
    candidates: str | Path,
    images: str | Path,
    output: str | Path,
    *,
    number: int,
    protocol: Mapping[str, Any],
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Write a Parquet file with one row per evaluation (`naswot.training.loop.train_network`).

    There is no row if fewer networks were chosen, or if the network cannot be trained; then the
    file's metadata have a `note`.

    The state after each epoch is kept in a file of the network, in `checkpoints` beside the folder
    of `output`, also when the training is complete: another number for the same network, after more
    were drawn, repeats nothing.

    Args:
        candidates: the file of `naswot.stages.draw_candidates.draw_candidates`.
        images: .npz file of `naswot.training.images.split_images`.
        output: the file to write.
        number: which of the networks.
        protocol: fields of `Protocol`.
        seed: of the weights and of the order of the images.
        device: "auto" takes a GPU if torch sees one.
        threads: CPU threads that torch may use; it changes the last digits of the numbers.

    Raises:
        NaswotError: a file is damaged, or there is no such device.
    """
    table = read_parquet(candidates, ["network", "number"])
    chosen = table.loc[table["number"] == number, "network"].tolist()
    if not chosen:
        log.info("There is no network number %d", number)
        write_parquet(_no_rows(), output, build_metadata(network=None, note=""))
        return
    (arch,) = chosen
    text = read_metadata(candidates)["space"]
    space = choice_space(text)
    target = prepare_training(device, threads)
    data, plan = read_images(images, target), Protocol(**protocol)
    settings = {
        "space": text,
        "network": arch,
        "seed": seed,
        **{f"training_{key}": value for key, value in asdict(plan).items()},
        "device": device_name(target),
        "threads": threads,
        **data.described(),
    }
    code = code_digest(space.files[0]) if space.files else None
    digests = {"data": data.fingerprint(), "code": code}
    name = hashlib.sha256(f"{text}\0{arch}".encode()).hexdigest()[:16]
    kept = Path(output).parent.parent / "checkpoints" / name
    note = ""
    try:
        with named(arch, space.files[0] if space.files else None):
            _, rows = train_network(
                partial(_build, space.build, arch),
                data,
                None,
                plan,
                seed,
                checkpoint=Checkpoint(kept, settings | digests | versions()),
                label=f"network {number} ({arch})",
            )
    except NaswotError as error:
        log.warning("%s", error)
        rows, note = _no_rows(), str(error)
    about = {"note": note, "origin": data.about["origin"]}
    write_parquet(rows, output, build_metadata(**settings) | about)


def _build(build: Any, arch: str, classes: int) -> nn.Module:
    return build(arch, classes)


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
