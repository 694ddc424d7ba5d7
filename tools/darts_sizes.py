"""Measure how Kendall tau of scores depends on the width and depth of the networks of DARTS cells.

    python tools/darts_sizes.py MIRROR/darts_trained_200.parquet [--cells 100] [--sizes 16x5 32x8]
        [--scores naswot] [--images photos] [--image-size 32] [--batch-size 64] [--seed S]
        [--resamples 1000] [--output FILE.csv]

Tables of trained DARTS cells name cells, and not always the networks that were trained. Each size,
WIDTHxDEPTH, makes one network of each cell (naswot.benchmarks.darts); the cells are the same random
ones for all sizes. It prints a Markdown table: tau with the accuracy, its 95 % bootstrap interval,
the difference from the first size with the interval of the same resamples, and the seconds per
network. --output keeps every score: one row per cell, one column per score and size. Cells without
a finite score at some size are left out at all sizes and counted.
"""

import argparse
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import numpy as np
import pandas as pd
import torch

from naswot.analysis.correlation import tau_b
from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.table import accuracy_keys
from naswot.errors import NaswotError
from naswot.images import mini_batch
from naswot.io.atomic import replacing
from naswot.scores import LOWER_IS_BETTER
from naswot.scores.ranking import score_each
from naswot.spaces import nds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", type=Path, help="darts_trained_200.parquet or …_600.parquet")
    parser.add_argument("--cells", type=int, default=100, help="random cells of the table (100)")
    parser.add_argument("--sizes", nargs="+", type=size, default=[(16, 5), (16, 8), (32, 8)])
    parser.add_argument("--scores", nargs="+", default=["naswot"], help="(naswot)")
    parser.add_argument("--images", default="photos", help="source without a mirror (photos)")
    parser.add_argument("--image-size", type=int, default=32, help="pixels (32)")
    parser.add_argument("--batch-size", type=int, default=64, help="(64)")
    parser.add_argument("--seed", type=int, default=0, help="of cells, images and weights (0)")
    parser.add_argument("--resamples", type=int, default=1000, help="(1000)")
    parser.add_argument("--output", type=Path, help="a CSV file of all scores")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    try:
        chosen, key = cells_of(options.table, options.cells, options.seed)
        scored, seconds = score_all(chosen, options)
    except NaswotError as error:
        sys.exit(str(error))
    if options.output:
        with replacing(options.output) as temporary:
            scored.assign(**{key: chosen[key]}).to_csv(temporary)
    kept = np.isfinite(scored.to_numpy()).all(axis=1) & chosen[key].notna().to_numpy()
    print(
        f"{options.table.name}, {kept.sum()} cells ({len(kept) - kept.sum()} without a score), "
        f"{key}; {options.batch_size} images of {options.images}, {options.image_size}×"
        f"{options.image_size}, seed {options.seed}\n"
    )
    print("| score | width | depth | tau | 95 % interval | beside the first size | s / network |")
    print("|---|---:|---:|---:|---|---|---:|")
    accuracy = chosen[key].to_numpy(float)[kept]
    for name in options.scores:
        sign = -1 if name in LOWER_IS_BETTER else 1
        values = [sign * scored[column(name, each)].to_numpy()[kept] for each in options.sizes]
        for each, row in zip(
            options.sizes, rows(values, accuracy, options.resamples, options.seed), strict=True
        ):
            print(f"| {name} | {each[0]} | {each[1]} | {row} | {seconds[each]:.2f} |")


def size(text: str) -> tuple[int, int]:
    """Return width and depth of a text such as 32x8; argparse explains the ValueError of others."""
    width, depth = map(int, text.split("x"))
    return width, depth


def column(score: str, each: tuple[int, int]) -> str:
    """Return the name of the column of a score at a size."""
    return f"{score} {each[0]}x{each[1]}"


def cells_of(path: Path, count: int, seed: int) -> tuple[pd.DataFrame, str]:
    """Return `count` random rows of a benchmark table, and the key of its accuracies."""
    for entry in BUILT_IN.values():
        for source in entry.sources:
            if source.file == path.name and entry.space.name.startswith("darts_"):
                table = source.read(path)
                chosen = np.random.default_rng(seed).permutation(len(table))[:count]
                return table.iloc[np.sort(chosen)].set_index("index"), accuracy_keys(table)[0]
    raise NaswotError(f"{path.name} is no table of trained DARTS cells.")


def score_all(
    chosen: pd.DataFrame, options: argparse.Namespace
) -> tuple[pd.DataFrame, dict[tuple[int, int], float]]:
    """Return the scores of each cell at each size, and the mean seconds per network of a size."""
    drawn = mini_batch(options.images, options.batch_size, options.image_size, options.seed)
    images, labels = torch.from_numpy(drawn.images), torch.from_numpy(drawn.labels)
    scored, seconds = pd.DataFrame({"arch": chosen["arch"]}), {}
    for each in options.sizes:
        networks = {
            str(index): partial(nds.build, resized(arch, each), drawn.classes)
            for index, arch in chosen["arch"].items()
        }
        started = time.perf_counter()
        found = list(score_each(networks, images, options.scores, labels=labels, seed=options.seed))
        seconds[each] = (time.perf_counter() - started) / len(networks)
        for name in options.scores:
            scored[column(name, each)] = [row.values.get(name, np.nan) for row in found]
        print(f"{each[0]}x{each[1]}: {seconds[each]:.2f} s per network", file=sys.stderr)
    return scored.drop(columns="arch"), seconds


def resized(arch: str, each: tuple[int, int]) -> str:
    """Return an architecture of NDS with another width and depth."""
    described = json.loads(arch)
    described["net"] |= {"width": each[0], "depth": each[1]}
    return json.dumps(described)


def rows(values: list[np.ndarray], accuracy: np.ndarray, resamples: int, seed: int) -> list[str]:
    """Return the fields on tau of each row; all sizes see the same resamples."""
    generator = np.random.default_rng(seed)
    samples = [generator.integers(len(accuracy), size=len(accuracy)) for _ in range(resamples)]
    taus = np.array([[tau_b(each[s], accuracy[s]) for s in samples] for each in values])
    fields = []
    for number, each in enumerate(values):
        tau, first = tau_b(each, accuracy), tau_b(values[0], accuracy)
        low, high = np.nanquantile(taus[number], (0.025, 0.975))
        beside = "–"
        if number:
            lower, upper = np.nanquantile(taus[number] - taus[0], (0.025, 0.975))
            beside = f"{tau - first:+.3f} ({lower:+.3f} to {upper:+.3f})"
        fields.append(f"{tau:.3f} | {low:.3f} to {high:.3f} | {beside}")
    return fields


if __name__ == "__main__":
    main()
