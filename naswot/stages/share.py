"""Search with shared weights, and look up what a search found in a benchmark table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import Dataset
from naswot.errors import NaswotError
from naswot.io.parquet import column_names, digest_of, read_metadata, read_parquet, write_parquet
from naswot.runtime.device import device_name, prepare_training
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata, origin_of, versions
from naswot.stages.budget_search import COLUMNS
from naswot.supernet import METHODS
from naswot.supernet.cells import CellSpace, nasbench201
from naswot.supernet.loop import compare, share
from naswot.supernet.protocol import PUBLISHED, changed, differences, reduced
from naswot.training.checkpoint import Checkpoint
from naswot.training.images import read_images, steps_in

SPACE = "nasbench201"


def share_weights(
    images: str | Path,
    output: str | Path,
    cells: str | Path,
    *,
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
        method: a key of `naswot.supernet.METHODS`.
        protocol: "published" or "reduced".
        changes: other values of fields of `naswot.supernet.protocol.Protocol`.
        compared: number of random cells that are tried with the shared weights.
        seed: seed of the search.
        device: "auto" takes a GPU if torch sees one.
        threads: CPU threads that torch may use; it changes the last digits of the numbers.

    Raises:
        NaswotError: a file is damaged, a setting is unknown, or there is no such device.
    """
    target = prepare_training(device, threads)
    data = read_images(images, target)
    plan = PUBLISHED[method]
    if protocol == "reduced":
        plan = reduced(method, steps_in(data.train, plan.batch_size))
    plan = changed(plan, changes)
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
        "differences": differences(method, plan),
        "architecture": found.architecture,
        "seconds": found.seconds,
        "diverged": found.diverged,
    }
    tried = compare(found.searcher, data, seed, 0 if found.diverged else compared)
    write_parquet(tried, cells, about)
    write_parquet(_flat(found.rows, space), output, about)
    checkpoint.remove()
    if not found.diverged:
        log.info("%s: found %s in %.0f s", label, found.architecture, found.seconds)


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
        title=title_of(first),
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


def title_of(about: Mapping[str, Any]) -> str:
    """Return what tables call a search: the method's name only under the published protocol."""
    title = METHODS[about["method"]].title
    before = asdict(PUBLISHED[about["method"]])
    varied = [
        text
        for key, text in {
            "running_statistics": "batch statistics",
            "gates": "drawn gates only",
        }.items()
        if about[key] != before[key]
    ]
    parts = ["reduced"] * (about["protocol"] == "reduced") + varied
    if about["protocol"] == "published" and len(about["differences"]) > len(varied):
        parts.insert(0, "changed")
    return f"{title} ({', '.join(parts)})" if parts else title
