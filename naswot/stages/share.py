"""Search with shared weights, and look up what a search found in a benchmark table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import Dataset
from naswot.errors import NaswotError
from naswot.io.parquet import column_names, digest_of, read_metadata, read_parquet, write_parquet
from naswot.runtime.device import choose_precision, device_name, prepare_training
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata, origin_of, versions
from naswot.stages.budget_search import COLUMNS
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

SPACE = "nasbench201"
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
        "space": SPACE,
        "method": method,
        "seed": seed,
        **asdict(plan),
        "device": device_name(target),
        "threads": threads,
        **{key: data.about[key] for key in data.about if key.endswith("images")},
        "image_size": data.about["image_size"],
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


def look_up(
    searches: Sequence[str | Path],
    benchmark: str | Path,
    output: str | Path,
    *,
    dataset: Dataset,
    search: str,
) -> None:
    """Write the trained accuracies of what searches with shared weights found: one row per search.

    The columns are those of other searches (`naswot.stages.budget_search`); `fitness` and
    `evaluations` are unknown. A search that diverged has index −1 and no accuracies, and `note`
    counts it.

    Args:
        searches: files of `share_weights` with the same settings and different seeds.
        benchmark: the benchmark table.
        output: the Parquet file to write.
        dataset: the dataset whose accuracies are reported.
        search: name of the search in the configuration.

    Raises:
        NaswotError: a file is damaged.
    """
    abouts = [read_metadata(path) for path in searches]
    first = abouts[0]
    keys = [key for key in (dataset.valid, dataset.test) if key in column_names(benchmark)]
    table = read_parquet(benchmark, ["index", "arch", *keys]).set_index("arch")
    archs = [about["architecture"] for about in abouts]
    lost = [arch for arch in archs if arch is not None and arch not in table.index]
    if lost:
        raise NaswotError(f"{benchmark} has no architecture {lost[0]}: make it again.")
    table = table.reindex(archs)
    index = table["index"].fillna(-1).astype("int64").to_numpy()

    def accuracy(key: str | None) -> np.ndarray:
        return table[key].to_numpy(float) if key in table else np.full(len(archs), np.nan)

    found = pd.DataFrame(
        {
            "method": search,
            "sample_size": 0,
            "run": np.arange(len(archs)),
            "seed": [about["seed"] for about in abouts],
            "index": index,
            "arch": archs,
            "search_seconds": [about["seconds"] for about in abouts],
            "evaluations": 0,
            "fitness": np.nan,
            "valid": accuracy(dataset.valid),
            "test": accuracy(dataset.test),
            "test_index": index,
        },
        columns=list(COLUMNS),
    )
    diverged = sum(bool(about["diverged"]) for about in abouts)
    about = read_metadata(benchmark)
    metadata = build_metadata(
        space=first["space"],
        dataset=dataset.name,
        searched=first["images"],
        method=search,
        title=first["title"],
        search_family="weight-sharing",
        pool="whole",
        runs=len(archs),
        seed=first["seed"],
        budget=None,
        fitness=None,
        differences=first["differences"],
        note=f"{diverged} of {len(archs)} searches diverged" if diverged else "",
    )
    metadata |= {"accuracies": about.get("source"), **origin_of(about)}
    write_parquet(found, output, metadata | {"table": digest_of(benchmark)})


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
