"""Time our score against the authors' literal protocol: same networks, same images, one run.

    python tests/bench.py [--networks N] [--size PIXELS] [--batch B] [--threads T]

Networks are random cells of NAS-Bench-201, images photos. The protocol (tests/oracle.py) counts
ReLUs as published. For each network the three are timed one after the other, construction
included, so that drift of the machine's speed hits all alike; medians are printed.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import oracle

from naswot.images import mini_batch
from naswot.scores.naswot import score
from naswot.spaces import get_space

PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    """Time every network with each method, print a line a network and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", type=int, default=30, help="how many cells (30)")
    parser.add_argument("--size", type=int, default=32, help="image side in pixels (32)")
    parser.add_argument("--batch", type=int, default=128, help="images in the batch (128)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads (all)")
    parser.add_argument("--seed", type=int, default=0, help="of cells, images and weights (0)")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "Using a non-full backward hook", FutureWarning)
    torch.set_num_threads(arguments.threads)
    space = get_space("nasbench201")
    images = torch.from_numpy(
        mini_batch("photos", arguments.batch, arguments.size, arguments.seed).images
    )
    generator = np.random.default_rng(arguments.seed)
    chosen = generator.choice(space.size, arguments.networks, replace=False)

    def seconds(index: int) -> list[float]:
        arch = space.architectures()[index]
        torch.manual_seed(arguments.seed)
        started = time.perf_counter()
        oracle.score(space.build(arch, 1), images)
        taken = [time.perf_counter() - started]
        for precision in PRECISIONS:
            torch.manual_seed(arguments.seed)
            taken.append(score(lambda: space.build(arch, 1), images, precision).seconds)
        return taken

    print(
        f"NAS-Bench-201, {arguments.networks} cells, batch {arguments.batch}, {arguments.size}×"
        f"{arguments.size}, {arguments.threads} threads, torch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}\n\n"
        f"{'index':>6}  {'protocol':>9}  {'float32':>9}  {'bfloat16':>9}   seconds a network"
    )
    seconds(chosen[0])  # what torch sets up once
    rows = []
    for index in chosen:
        rows.append(seconds(index))
        print(f"{index:>6}  " + "  ".join(f"{value:9.4f}" for value in rows[-1]), flush=True)
    taken = np.array(rows)
    print("median  " + "  ".join(f"{value:9.4f}" for value in np.median(taken, axis=0)))
    ratios = taken[:, :1] / taken
    print(" ratio  " + "  ".join(f"{value:8.1f}×" for value in np.median(ratios, axis=0)))
    print("\nThe ratio is the median over networks of the protocol's seconds to ours.")


if __name__ == "__main__":
    main()
