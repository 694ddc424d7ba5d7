"""Train one network and leave its weights, its accuracies and a page on it in a folder."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from naswot.errors import NaswotError, shown
from naswot.images.labelled import LabelledImages
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.plots.training import training
from naswot.plots.writing import save
from naswot.reporting.training import training_page
from naswot.runtime.device import device_name, prepare_training
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata, versions
from naswot.scores.base import Batch
from naswot.scores.building import build_network
from naswot.scores.lazy_modules import materialise
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import Data
from naswot.training.job import named
from naswot.training.loop import train_network
from naswot.training.protocol import Protocol

TABLE, WEIGHTS, CHECKPOINT = "training.parquet", "weights.pt", "training.checkpoint"
CSV, FIGURE, PAGE = "training.csv", "training.png", "README.md"
# Settings that may differ: where the images lie, and for a finished training what it ran on.
MOVABLE = {"images"}
COMPUTER = {"device", "threads", *versions()}
# Settings whose values say nothing to a reader → what they are.
DIGESTS = {"images_sha256": "images", "code_sha256": "code of the network"}


def train_to_folder(
    model: Callable[..., nn.Module],
    images: LabelledImages,
    output: str | Path,
    *,
    network: str,
    origin: str,
    protocol: Protocol,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
    code: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    command: str = "",
) -> pd.DataFrame:
    """Train a network and write a folder; return the rows of `train_network`, without the score.

    The folder gets `training.parquet`, `training.csv`, `training.png`, `weights.pt` and `README.md`
    when the training is complete, and before that `training.checkpoint`. Call the function again
    after an interruption to resume; on a CPU it ends with the same numbers. A finished folder stays
    as it is, but for a lost page, picture or CSV file, which is made again.

    Args:
        model: function or class that builds the untrained network. It gets the number of classes
            as `num_classes` or `classes`, if it takes one of them.
        images: what `naswot.images.labelled.divide` returned.
        output: the folder; it is made if there is none.
        network: name of the network, for messages and the page.
        origin: name or folder of the images, for the page.
        protocol: how the network is trained.
        seed: seed of the weights and of the order of the images.
        about: other settings that tell this training from others, such as the arguments of `model`;
            values that JSON can hold.
        code: digest of the user's code that builds the network; None: the code is not the user's.
        device: "auto" takes a GPU if torch sees one.
        threads: CPU threads that torch may use; None: as many as it uses now.
        command: the command that does the same, for the page.

    Raises:
        NaswotError: the network cannot be trained on the images, the folder holds a training of
            other settings or other files of these names, or it cannot be written.
    """
    folder = Path(output)
    target = prepare_training(device, threads or torch.get_num_threads())
    data = Data.of(images, target)
    settings = {
        "network": network,
        **(about or {}),
        "images": origin,
        "image_size": data.train.pixels.shape[1],
        "train_images": len(data.train),
        "valid_images": len(data.valid),
        "test_images": len(data.test),
        "classes": data.classes,
        "seed": seed,
        **asdict(protocol),
        "device": device_name(target),
        "threads": torch.get_num_threads(),
        **versions(),
        "images_sha256": data.fingerprint(),
        "code_sha256": code,
    }
    settings = json.loads(json.dumps(settings, default=str))
    checkpoint = Checkpoint(folder / CHECKPOINT, _compared(settings))
    rows = _finished(folder, checkpoint, settings)
    if rows is not None:
        return rows
    with named(network, None if code is None else network):
        trained, rows = train_network(
            _builder(model, data, seed),
            data,
            None,
            protocol,
            seed,
            checkpoint=checkpoint,
            label=str(folder),
        )
    rows = rows.drop(columns=["score", "score_eval"])
    weights = _weights(trained)
    metadata = build_metadata(**settings) | {
        "params": sum(p.numel() for p in trained.parameters() if p.requires_grad),
        "mean": data.mean.tolist(),
        "std": data.std.tolist(),
        "names": list(images.names),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "command": command,
    }
    with replacing(folder / WEIGHTS) as temporary:
        temporary.write_bytes(weights)
    _report(folder, rows, metadata)
    write_parquet(rows, folder / TABLE, metadata)
    checkpoint.remove()
    return rows


def _compared(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in MOVABLE}


def _finished(
    folder: Path, checkpoint: Checkpoint, settings: Mapping[str, Any]
) -> pd.DataFrame | None:
    """Return the rows of a finished training; None if there is something to train.

    Raises:
        NaswotError: the folder holds another training or other files.
    """
    if folder.exists() and not folder.is_dir():
        raise NaswotError(f"{folder} is a file, not a folder to write to: name another --output.")
    table, begun = folder / TABLE, checkpoint.found_settings()
    if begun is not None:
        _agree(folder, begun, settings)
        return None
    if not table.exists():
        others = [name for name in (WEIGHTS, CSV, FIGURE, PAGE) if (folder / name).exists()]
        if others and not checkpoint.path.exists():
            raise NaswotError(
                f"{folder} has a {others[0]} of something else, which would be replaced: name "
                "another --output."
            )
        return None
    metadata = read_metadata(table)
    _agree(folder, metadata, {key: settings[key] for key in settings if key not in COMPUTER})
    if not (folder / WEIGHTS).exists():
        log.info("%s lacks %s; training again", folder, WEIGHTS)
        return None
    rows = read_parquet(table)
    _report(folder, rows, metadata, lost=True)
    log.info("%s is finished: there is nothing to do", folder)
    return rows


def _agree(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that a folder was begun with the same settings.

    Raises:
        NaswotError: it was not; the message names each setting that differs.
    """
    other = [key for key in _compared(now) if before.get(key) != now[key]]
    if other:
        texts = [
            f"{key} = {shown(before.get(key))}, now {shown(now[key])}"
            for key in other
            if key not in DIGESTS
        ]  # which explain why the images differ, for a seed also splits them
        texts = texts or [f"other {DIGESTS[key]}" for key in other]
        raise NaswotError(
            f"{folder} holds a training with {'; '.join(texts)}. Use the earlier settings, name "
            "another --output, or delete the folder."
        )


def _builder(model: Callable[..., nn.Module], data: Data, seed: int) -> Callable[[int], nn.Module]:
    """Return a function of the number of classes that builds the network on its device."""
    few = data.normalised(data.train.pixels[:2], torch.contiguous_format)
    batch = Batch(few, data.train.labels[:2], data.classes)

    def build(classes: int) -> nn.Module:
        built = build_network("it", model, batch, seed)  # messages begin with its name
        materialise(built, few)
        return built

    return build


def _weights(network: nn.Module) -> bytes:
    """Return the state of a network as `torch.load` reads it: float32 or integers, on the CPU."""
    state = {}
    for name, value in network.state_dict().items():
        if isinstance(value, torch.Tensor):
            value = value.detach().to("cpu", torch.float32 if value.is_floating_point() else None)
            state[name] = value.clone(memory_format=torch.contiguous_format)
    stream = io.BytesIO()  # a full disk is an OSError when bytes are written, but not in torch
    torch.save(state, stream)
    return stream.getvalue()


def _report(
    folder: Path, rows: pd.DataFrame, metadata: Mapping[str, Any], lost: bool = False
) -> None:
    """Write what people look at: all of it, or if `lost` what is not there."""
    csv, figure, page = (
        None if lost and (folder / name).exists() else folder / name for name in (CSV, FIGURE, PAGE)
    )
    if csv:
        with replacing(csv) as temporary:
            rows.to_csv(temporary, index=False)
    if figure:
        trained_on = f"{metadata['train_images']:,} images of {metadata['images']}"
        save(training(rows, metadata["network"], trained_on), [figure])
    if page:
        with replacing(page) as temporary:
            temporary.write_text(training_page(rows, metadata), encoding="utf-8")
