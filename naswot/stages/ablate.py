"""Score networks at each level of an ablation: one row per network, level and repeat."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from naswot.benchmarks.datasets import Dataset
from naswot.benchmarks.table import reported_accuracy
from naswot.errors import NaswotError
from naswot.images import mini_batch
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.runtime.device import choose_device, choose_precision, device_name
from naswot.runtime.progress import Progress, log
from naswot.runtime.provenance import build_metadata
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, Options
from naswot.scores.initialisation import draw_scheme
from naswot.spaces import Space
from naswot.stages.score import on_device, score_architectures

COLUMNS = {
    "ablation": "str",
    "level": "str",
    "repeat": "int64",
    "index": "int64",
    "arch": "str",
    "accuracy": "float64",
    "percentile": "float64",
    "score": "float64",
    "images": "str",
    "batch_seed": "int64",
    "init_seed": "int64",
    "batch_size": "int64",
    "image_size": "int64",
    "classes": "int64",
    "scheme": "str",
    "seconds": "float64",
}


def choose_networks(accuracy: pd.Series, count: int, choice: str, seed: int) -> pd.DataFrame:
    """Return `count` networks, in ascending order of accuracy.

    Args:
        accuracy: percent, by index; networks whose accuracy is unknown (NaN) are never chosen.
        count: how many to choose.
        choice: "percentiles": sort the networks by accuracy, split them into `count` equal parts
            and choose one at random from each, as for the paper's Figure 5; "random": choose from
            all networks with equal probability.
        seed: seed of the choice.

    Returns:
        Columns `index`, `accuracy`, and `percentile`: the percentage of networks with a lower
        accuracy, plus half of those with the same accuracy.

    Raises:
        NaswotError: fewer than `count` networks have a known accuracy.
    """
    known = accuracy.dropna().sort_values(kind="stable")
    if count > len(known):
        raise NaswotError(
            f"{count} networks are requested, and {len(known)} have a known accuracy; request "
            "fewer (`ablations`)."
        )
    generator = np.random.default_rng(seed)
    ranks: Any
    if choice == "percentiles":
        ranks = [generator.choice(part) for part in np.array_split(np.arange(len(known)), count)]
    else:
        ranks = np.sort(generator.choice(len(known), count, replace=False))
    percentile = 100 * (known.rank() - 0.5) / len(known)
    table = pd.DataFrame({"accuracy": known, "percentile": percentile}).iloc[ranks]
    return table.rename_axis("index").reset_index()


def select_ablation_networks(
    benchmark: str | Path,
    output: str | Path,
    *,
    space: str,
    dataset: Dataset,
    choice: str,
    count: int,
    seed: int,
) -> None:
    """Choose networks of a benchmark table and write them, with their `arch`, to a Parquet file.

    Arguments as in `choose_networks`. The accuracy is the one that figures plot scores against; the
    metadata contain its key.

    Raises:
        NaswotError: there is no accuracy on `dataset`, or there are too few networks.
    """
    accuracy = reported_accuracy(benchmark, dataset, "plotted")
    if accuracy is None:
        raise NaswotError(f"{benchmark} has no accuracy on {dataset.name}; name another dataset.")
    chosen = choose_networks(accuracy, count, choice, seed)
    arch = read_parquet(benchmark, ["index", "arch"]).set_index("index")["arch"]
    chosen.insert(1, "arch", arch.loc[chosen["index"]].to_numpy())
    settings = {"space": space, "dataset": dataset.name, "choice": choice, "seed": seed}
    write_parquet(chosen, output, build_metadata(**settings, accuracy=accuracy.name))


def score_ablation(
    networks: str | Path,
    output: str | Path,
    *,
    space: Space,
    ablation: str,
    level: str,
    setting: Mapping[str, Any],
    precision: str = "float32",
    relu_count: str = "once",
    device: str = "auto",
    directory: str | None = None,
    threads: int = 1,
) -> None:
    """Score all chosen networks at one level, once per pair of seeds, and write a Parquet file.

    Args:
        networks: Parquet file of `select_ablation_networks`.
        output: the file to write, with the columns `COLUMNS`; −inf and NaN are kept.
        space: the search space of the networks.
        ablation, level: the setting that varies, and its value.
        setting: all settings of scoring, see `naswot.workflow.ablations.setting_of`.
        precision, relu_count, device: as for `naswot.stages.score.score_networks`.
        directory: directory of the image files, if the images need any.
        threads: CPU threads that torch may use.

    Raises:
        NaswotError: an input is damaged, an image source has too few images, or a network
            cannot be scored.
    """
    torch.set_num_threads(threads)
    target = choose_device(device)
    precision = choose_precision(precision, target)
    chosen, about = read_parquet(networks), read_metadata(networks)
    build = partial(_build, space.build, setting["classes"], setting["scheme"])
    seeds = setting["seeds"]
    progress = Progress(f"{ablation} {level}", len(chosen) * len(seeds), "scores")
    tables, drawn = [], None
    for repeat, (batch_seed, init_seed) in enumerate(seeds):
        if drawn is None or drawn[0] != batch_seed:
            drawn = batch_seed, _draw(setting, batch_seed, directory, target)
        scored = score_architectures(
            chosen,
            build,
            drawn[1],
            FAMILIES["naswot"],
            init_seed,
            progress,
            Options(precision, relu_count),
            custom=space.file is not None,
        )
        tables.append(
            chosen.assign(
                ablation=ablation,
                level=level,
                repeat=repeat,
                score=scored["naswot"].to_numpy(),
                seconds=scored["seconds"].to_numpy(),
                batch_seed=batch_seed,
                init_seed=init_seed,
                **{name: value for name, value in setting.items() if name != "seeds"},
            )
        )
    table = pd.concat(tables, ignore_index=True)[list(COLUMNS)].astype(COLUMNS)
    same = {name: about[name] for name in ("space", "dataset", "choice", "accuracy")}
    settings = same | {"ablation": ablation, "level": level, **setting}
    metadata = build_metadata(**settings, precision=precision, relu_count=relu_count)
    write_parquet(table, output, metadata | {"device": device_name(target), "threads": threads})
    log.info("%s: %d scores, %.1f s", progress.label, len(table), table["seconds"].sum())


def _build(build, classes: int, scheme: str, arch: str, outputs: int) -> torch.nn.Module:
    """Build a network with the ablation's number of classes, ignoring the score's `outputs`."""
    network = build(arch, classes)
    draw_scheme(network, scheme)
    return network


def _draw(
    setting: Mapping[str, Any], seed: int, directory: str | None, device: torch.device
) -> Batch:
    source = directory if setting["images"] != "noise" else None
    found = mini_batch(
        setting["images"], setting["batch_size"], setting["image_size"], seed, source
    )
    return on_device(found, device)
