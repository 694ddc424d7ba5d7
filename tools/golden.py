"""Compare our networks and scores with reference values of the authors' implementation.

    python tools/golden.py PATH/golden.csv [--seeds N] [--every K]

The file has one row per architecture: `space, arch, images` (an .npz in batches/ beside it),
`params, params_benchmark, relu_units, relu_modules, score_mean, score_std` with each ReLU
counted once, `published_…` for the authors' counting, and `seeds`: the number n of seeds 0…n−1,
each set right before building. Counts must be equal. Our networks get the same weights from the
same seed, so means over seeds may differ by 4 standard errors of the difference + 0.05.

It prints one line per row and exits with 1 if a value differs. Spaces that are not built are
counted and named.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from naswot.scores.naswot import score
from naswot.spaces import SPACES, Space

KINDS = {"once": "", "as-published": "published_"}


@dataclass(frozen=True)
class Deviation:
    """How one row differs under one way of counting ReLUs."""

    counts_equal: bool
    difference: float
    tolerance: float
    error: float  # standard error of the difference

    @property
    def passed(self) -> bool:
        return self.counts_equal and abs(self.difference) <= self.tolerance


def compare(row: pd.Series, space: Space, images: torch.Tensor, kind: str, seeds: int) -> Deviation:
    """Score `row` with seeds 0…`seeds`−1 and return how it deviates."""
    prefix = KINDS[kind]
    results = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        results.append(score(lambda: space.build(row["arch"], 1), images, relu_count=kind))
    network, benchmark = space.build(row["arch"], 1), space.benchmark_params(row["arch"])
    counts_equal = (
        sum(parameter.numel() for parameter in network.parameters()) == row["params"]
        and (np.isnan(row["params_benchmark"]) or benchmark == row["params_benchmark"])
        and results[0].relu_units == row[f"{prefix}{'units' if prefix else 'relu_units'}"]
        and results[0].relu_modules == row[f"{prefix}{'modules' if prefix else 'relu_modules'}"]
    )
    values = np.array([result.value for result in results])
    expected = row[f"{prefix}score_mean"]
    if np.isneginf(expected) or np.isneginf(values).any():
        same = bool(np.isneginf(expected) and np.isneginf(values).all())
        return Deviation(counts_equal, 0.0 if same else np.inf, 0.0, 0.0)
    variance = row[f"{prefix}score_std"] ** 2
    error = float(np.sqrt(variance / seeds + variance / row["seeds"]))
    return Deviation(counts_equal, float(values.mean() - expected), 4 * error + 0.05, error)


def load_images(csv: Path, name: str) -> torch.Tensor:
    """Return the mini-batch called `name` beside `csv`."""
    with np.load(csv.parent / "batches" / f"{name}.npz", allow_pickle=False) as archive:
        return torch.from_numpy(archive["images"])


def main() -> int:
    """Compare every row; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("csv", type=Path, help="golden.csv, with batches/ beside it")
    parser.add_argument("--seeds", type=int, help="score fewer seeds than the file has")
    parser.add_argument("--every", type=int, default=1, help="compare every K-th row only")
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.csv)
    skipped = table[~table["space"].isin(SPACES)]
    failures, deviations = 0, []
    for _, row in table[table["space"].isin(SPACES)].iloc[:: arguments.every].iterrows():
        images = load_images(arguments.csv, row["images"])
        for kind in KINDS:
            seeds = min(arguments.seeds or row["seeds"], row["seeds"])
            found = compare(row, SPACES[row["space"]], images, kind, seeds)
            failures += not found.passed
            if found.error:
                deviations.append(found.difference / found.error)
            print(
                f"{'ok  ' if found.passed else 'OFF '} row {row['row']:>3} {row['space']} "
                f"{row['images']:<12} {kind:<12} {seeds} seeds  "
                f"difference {found.difference:+.4f} (allowed {found.tolerance:.2f})"
                f"{'' if found.counts_equal else '  COUNTS DIFFER'}",
                flush=True,
            )
    print(
        f"{len(deviations)} finite comparisons, mean deviation {np.mean(deviations):+.4f} standard "
        f"errors, largest {np.max(np.abs(deviations)):.4f}; {failures} off"
    )
    for space, count in skipped["space"].value_counts().items():
        print(f"not compared: {count} rows of {space}, a space that is not built yet")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
