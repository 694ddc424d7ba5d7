"""Select the networks to train, and collect their accuracies in a benchmark table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.table import accuracy_keys
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.runtime.provenance import build_metadata, versions
from naswot.spaces import Space
from naswot.training.protocol import EVALUATED

# Metadata in which the trainings of a table always differ, and in which they may differ.
VARYING = {"index", "arch", "settings_hash"}
COMPUTER = {"device", "threads", *versions()}


def select_networks(
    benchmark: str | Path,
    output: str | Path,
    *,
    accuracy: str,
    above: float,
    least: int,
    seed: int,
) -> str:
    """Write the networks of a benchmark whose accuracy exceeds `above` percent, in random order.

    The first ones are trained, so training more networks keeps those that were trained before. The
    output has columns `index`, `arch` and `accuracy`. Return a one-line summary.

    Raises:
        NaswotError: the benchmark has no such accuracy, or fewer than `least` such networks.
    """
    keys = accuracy_keys(read_parquet(benchmark))
    if accuracy not in keys:
        raise NaswotError(f"figure6.accuracy = {accuracy!r}: {benchmark} has {', '.join(keys)}.")
    table = read_parquet(benchmark, ["index", "arch", accuracy])
    good = table[table[accuracy] > above]
    if len(good) < least:
        raise NaswotError(
            f"figure6: {len(good)} networks of {benchmark} have {accuracy} above {above} %, and "
            f"{least} are requested: lower figure6.above or figure6.networks."
        )
    order = np.random.default_rng(seed).permutation(len(good))
    picked = good.iloc[order].rename(columns={accuracy: "accuracy"})
    settings = {
        "space": read_metadata(benchmark)["space"],
        "accuracy": accuracy,
        "above": above,
        "eligible": len(good),
        "seed": seed,
    }
    write_parquet(picked, output, build_metadata(**settings))
    return f"{len(good):,} networks with {accuracy} above {above} %"


def collect_trained(trainings: Sequence[str | Path], output: str | Path, *, space: Space) -> str:
    """Write the benchmark table (docs/reference/tables.md) of networks that were trained here.

    Its keys are `images/valid/epochs` and `images/test/epochs`, the accuracies after the last
    epoch, and the same with `/per-epoch`. Return a one-line summary.

    Args:
        trainings: files of `naswot.training.job.train_one`, one per architecture of `space`.
        output: the table.
        space: the search space of the networks.

    Raises:
        NaswotError: a file is damaged, or its training had other settings.
    """
    about = [read_metadata(path) for path in trainings]
    settings = _common(trainings, about)
    rows = [_row(read_parquet(path)) for path in trainings]
    table = pd.DataFrame(rows).sort_values("index", ignore_index=True)
    table.insert(2, "params", [space.benchmark_params(arch) for arch in table["arch"]])
    images, epochs = settings["images"], settings["training_epochs"]
    table.columns = [name.format(images=images, epochs=epochs) for name in table.columns]
    table = table.dropna(axis=1, how="all")
    source = (
        f"trained here: {settings['train_images']:,} images of {images}, {settings['image_size']} "
        f"pixels wide, {epochs} epochs, seed {settings['seed']}"
    )
    settings |= {"space": space.name, "source": source, "licence": "the user's"}
    write_parquet(table, output, versions() | settings)
    return f"{source}; {_summary(table)}"


def _common(trainings: Sequence[str | Path], about: Sequence[dict]) -> dict:
    """Return the metadata that all files share; "several" where only the computers differ.

    Raises:
        NaswotError: the settings of the trainings differ.
    """
    common = {}
    keys = dict.fromkeys(key for metadata in about for key in metadata if key not in VARYING)
    for key in keys:
        values = [metadata.get(key) for metadata in about]
        usual = max(values, key=values.count)
        other = next((n for n, value in enumerate(values) if value != usual), None)
        if other is not None and key not in COMPUTER:
            raise NaswotError(
                f"{trainings[other]} was trained with {key} = {values[other]}, others with "
                f"{usual}: delete this one file and run again."
            )
        common[key] = usual if other is None else "several"
    return common


def _row(evaluations: pd.DataFrame) -> dict:
    """Return a row of the benchmark table from the evaluations of one network."""
    last = evaluations.iloc[-1]
    whole = evaluations[(evaluations["epoch"] > 0) & (evaluations["epoch"] % 1 == 0)]
    row = {"index": last["index"], "arch": last["arch"]}
    for part in EVALUATED:
        curve = whole[f"{part}_accuracy"]
        row[f"{{images}}/{part}/{{epochs}}"] = curve.iloc[-1]
        row[f"{{images}}/{part}/{{epochs}}/per-epoch"] = curve.tolist() if curve.any() else None
    row["{images}/train-seconds-per-epoch"] = last["seconds"] / last["epoch"]
    validated = np.isfinite(last[f"{EVALUATED[0]}_accuracy"])
    row["{images}/eval-seconds"] = last["eval_seconds"] if validated else np.nan
    return row


def _summary(table: pd.DataFrame) -> str:
    spans = (f"{key} {table[key].min():.1f}–{table[key].max():.1f}" for key in accuracy_keys(table))
    return f"{len(table)} networks, {', '.join(spans)} %"
