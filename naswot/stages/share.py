"""Search NAS-Bench-201 with shared weights: the work of one job."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from naswot.errors import NaswotError
from naswot.io.parquet import write_parquet
from naswot.runtime.device import choose_precision, device_name, prepare_training
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata, versions
from naswot.supernet import METHODS
from naswot.supernet.cells import CellSpace, nasbench201
from naswot.supernet.loop import compare, share
from naswot.supernet.protocol import (
    PUBLISHED,
    PUBLISHED_IMAGES,
    PUBLISHED_SIDE,
    USERS,
    differences,
    planned,
)
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import read_images, split_images

# What a title says instead of "changed".
VARIED = {"running_statistics": "batch statistics", "gates": "drawn gates only"}
SEEDED = "the halves of the images are drawn by a seed, not by the published list"


def split_halves(output: str | Path, *, name: str, half: int, size: int, **options: Any) -> None:
    """Write two halves of `half` images of source `name`, `size` pixels wide.

    `options` are further arguments of `naswot.training.images.split_images`.

    Raises:
        NaswotError: the images cannot be read, or there are too few.
    """
    try:
        options |= {"train_images": half, "valid_images": half, "shrink": True}
        split_images(output, name=name, size=size, **options)
    except NaswotError as error:
        keys = f"supernet: images = {name}, half = {half}, image_size = {size}"
        raise NaswotError(f"{keys}: {error}") from error


def share_weights(
    images: str | Path,
    output: str | Path,
    cells: str | Path,
    *,
    search: str,
    method: str,
    protocol: str,
    changes: Mapping[str, Any],
    compared: int,
    seed: int,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Search NAS-Bench-201 once; write one row per epoch, and one per cell that was tried after it.

    After an interruption, call it again to resume: the state after each epoch is kept in a file
    beside the output, with the ending `.checkpoint`, until the output is complete.

    Args:
        images: .npz file of `naswot.training.images.split_images`: `train` trains weights, `valid`
            chooses architectures.
        output: the Parquet file of epochs: the columns of `naswot.supernet.loop.Found.rows`, with a
            column `p:SOURCE>TARGET:OPERATION` for each probability. Its metadata say what was found
            (`architecture`, None if the search diverged), how, and in how many `seconds`.
        cells: the Parquet file of `naswot.supernet.loop.compare`.
        search: name of the search in the configuration.
        method, protocol, changes: see `naswot.supernet.protocol.planned`; `protocol` is its kind.
        compared: number of random cells that are tried with the shared weights.
        seed: seed of the search.
        device: "auto" takes a GPU if torch sees one.
        threads: CPU threads that torch may use; it changes the last digits of the numbers.

    Raises:
        NaswotError: a file is damaged, a setting is unknown, or there is no such device.
    """
    target = prepare_training(device, threads)
    data = read_images(images, target)
    plan = planned(method, protocol, changes, len(data.train))
    plan = replace(plan, precision=choose_precision(plan.precision, target))
    space = nasbench201(plan.channels, plan.cells)
    settings = {
        "space": space.name,
        "method": method,
        "seed": seed,
        **asdict(plan),
        "device": device_name(target),
        "threads": threads,
        **data.described(),
    }
    digest = {"data": data.fingerprint()}
    checkpoint = Checkpoint(Path(f"{output}.checkpoint"), settings | digest | versions())
    label = f"{METHODS[method].title}, seed {seed}"
    found = share(space, data, method, plan, seed, checkpoint, label=label)
    about = build_metadata(**settings) | {
        "origin": data.about["origin"],
        "protocol": protocol,
        "differences": [*differences(method, plan), *_of_images(data.about), SEEDED],
        "architecture": found.architecture,
        "seconds": found.seconds,
        "diverged": found.diverged,
    }
    about["title"] = title_of(search, about)
    tried = compare(found.searcher, data, seed, 0 if found.diverged else compared)
    write_parquet(tried, cells, about)
    write_parquet(_flat(found.rows, space), output, about)
    checkpoint.remove()
    if not found.diverged:
        log.info("%s: found %s in %.0f s", label, found.architecture, found.seconds)


def _of_images(about: Mapping[str, Any]) -> list[str]:
    """List how the images differ from the published ones; `about` is their metadata."""
    found = []
    if about["images"] != "cifar10":
        found.append(f"images of {about['images']} instead of CIFAR-10")
    if about["train_images"] != PUBLISHED_IMAGES:
        found.append(f"{about['train_images']:,} images a half instead of {PUBLISHED_IMAGES:,}")
    if about["image_size"] != PUBLISHED_SIDE:
        found.append(f"images of {about['image_size']} pixels instead of {PUBLISHED_SIDE}")
    return found


def _flat(rows: pd.DataFrame, space: CellSpace) -> pd.DataFrame:
    """Return rows with a column for each probability instead of a list; none if there are none."""
    lists = rows.pop("probabilities")
    if lists.isna().any():
        return rows
    names = [
        f"p:{source}>{target}:{name}" for source, target in space.edges for name in space.operations
    ]
    return rows.join(pd.DataFrame(lists.tolist(), columns=names))


def title_of(search: str, about: Mapping[str, Any]) -> str:
    """Return what tables call a search: the method's name only if all is as published.

    Args:
        search: name of the search in the configuration.
        about: `method`, `protocol`, `differences` and the fields of the protocol.
    """
    method = about["method"]
    before = asdict(PUBLISHED[method])
    varied = [
        text for key, text in VARIED.items() if method in USERS[key] and about[key] != before[key]
    ]
    others = set(about["differences"]) - {SEEDED}
    parts = ["reduced"] if about["protocol"] == "reduced" else []
    if not parts and len(others) > len(varied):
        parts = ["changed"]
    parts += varied or ([search] if search != method else [])
    title = METHODS[method].title
    return f"{title} ({', '.join(parts)})" if parts else title
