"""Before and after training: which networks are trained, and the table of what they scored."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from naswot.benchmarks.table import accuracy_keys
from naswot.errors import NaswotError
from naswot.files import read_metadata, read_parquet, write_parquet
from naswot.provenance import described, versions
from naswot.spaces import get_space

PARTS = ("valid", "test")


def pick_networks(
    benchmark: str | Path,
    output: str | Path,
    *,
    accuracy: str,
    above: float,
    count: int,
    seed: int,
) -> str:
    """Write `count` random networks of a benchmark whose accuracy is above so many percent.

    The output has columns `index`, `arch` and `accuracy`. Return a line that says what it has.

    Raises:
        NaswotError: the benchmark has no such accuracy, or too few such networks.
    """
    keys = accuracy_keys(read_parquet(benchmark))
    if accuracy not in keys:
        raise NaswotError(f"figure6.accuracy = {accuracy!r}: {benchmark} has {', '.join(keys)}.")
    table = read_parquet(benchmark, ["index", "arch", accuracy])
    good = table[table[accuracy] > above]
    if len(good) < count:
        raise NaswotError(
            f"figure6: {len(good)} networks of {benchmark} have {accuracy} above {above} %, and "
            f"{count} are asked for: lower figure6.above or figure6.networks."
        )
    chosen = np.random.default_rng(seed).choice(len(good), count, replace=False)
    picked = good.iloc[chosen].rename(columns={accuracy: "accuracy"})
    settings = {
        "space": read_metadata(benchmark)["space"],
        "accuracy": accuracy,
        "above": above,
        "eligible": len(good),
        "seed": seed,
    }
    write_parquet(picked, output, described(**settings))
    return f"{count} of {len(good):,} networks with {accuracy} above {above} %"


def gather_trainings(trainings: Sequence[str | Path], output: str | Path, *, space: str) -> str:
    """Write the benchmark table (docs/tables.md) of networks that were trained here.

    Its keys are `images/valid/epochs` and `images/test/epochs`, the accuracies after the last
    epoch, and the same with `/per-epoch`. Return a line that says what it has.

    Args:
        trainings: files of `naswot.training.job.train_one`, one an architecture of `space`.
        output: the table.
        space: whose networks they are.

    Raises:
        NaswotError: a file is damaged or of another training.
    """
    about = [read_metadata(path) for path in trainings]
    varying = {"index", "arch", "settings_hash"}
    for path, one in zip(trainings, about, strict=True):
        other = [key for key in one if key not in varying and one[key] != about[0].get(key)]
        if other:
            raise NaswotError(
                f"{path} was trained with another {other[0]} than {trainings[0]}: delete the "
                "folder of either and run again."
            )
    known = get_space(space)
    rows = [_row(read_parquet(path)) for path in trainings]
    table = pd.DataFrame(rows).sort_values("index", ignore_index=True)
    table.insert(2, "params", [known.benchmark_params(arch) for arch in table["arch"]])
    images, epochs = about[0]["images"], about[0]["training_epochs"]
    table.columns = [name.format(images=images, epochs=epochs) for name in table.columns]
    table = table.dropna(axis=1, how="all")
    source = (
        f"trained here: {about[0]['train_images']:,} images of {images}, {about[0]['image_size']} "
        f"pixels wide, {epochs} epochs, seed {about[0]['seed']}"
    )
    settings = {key: value for key, value in about[0].items() if key not in varying}
    settings |= {"space": space, "source": source, "licence": "the user's"}
    write_parquet(table, output, settings | versions())
    return f"{source}; {_summary(table)}"


def _row(looks: pd.DataFrame) -> dict:
    """Return a row of the benchmark table from what one network was at each look."""
    last = looks.iloc[-1]
    whole = looks[(looks["epoch"] > 0) & (looks["epoch"] % 1 == 0)]
    row = {"index": last["index"], "arch": last["arch"]}
    for part in PARTS:
        curve = whole[f"{part}_accuracy"]
        row[f"{{images}}/{part}/{{epochs}}"] = curve.iloc[-1]
        row[f"{{images}}/{part}/{{epochs}}/per-epoch"] = curve.tolist() if curve.any() else None
    row["{images}/train-seconds-per-epoch"] = last["seconds"] / last["epoch"]
    row["{images}/eval-seconds"] = last["eval_seconds"] if PARTS[0] in _measured(last) else np.nan
    return row


def _measured(last: pd.Series) -> list[str]:
    return [part for part in PARTS if np.isfinite(last[f"{part}_accuracy"])]


def _summary(table: pd.DataFrame) -> str:
    spans = (f"{key} {table[key].min():.1f}–{table[key].max():.1f}" for key in accuracy_keys(table))
    return f"{len(table)} networks, {', '.join(spans)} %"
