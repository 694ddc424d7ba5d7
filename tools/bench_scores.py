"""Time each score alone, each family, and all scores together, on the same networks.

    python tools/bench_scores.py [--networks N] [--threads T] [--batch-size B] [--image-size S]

It prints one line per family, in the form of docs/reference/scores.md, and the time saved by
computing all scores in one call instead of one call per score, both including construction of the
network.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from naswot.images import mini_batch
from naswot.runtime.device import tune_allocator
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, measure
from naswot.spaces import SPACES


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=16)
    parser.add_argument("--without", default="", help="families to leave out, with commas")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    # Processor time does not count what else the machine does, but adds threads up.
    clock = time.process_time if options.threads == 1 else time.perf_counter
    drawn = mini_batch("photos", options.batch_size, options.image_size, 0)
    batch = Batch(torch.from_numpy(drawn.images), torch.from_numpy(drawn.labels), drawn.classes)
    space = SPACES["nasbench201"]
    cells = space.architectures()
    chosen = np.random.default_rng(0).choice(len(cells), options.networks, replace=False)
    families = [f for name, f in FAMILIES.items() if name not in options.without.split(",")]
    alone = {family.name: 0.0 for family in families}
    together = 0.0
    measure(lambda: space.build(cells[-1], batch.classes), batch, families)  # warm up
    tune_allocator()  # as the workflow does, after the first network
    for index in chosen:

        def build(arch=cells[index]):
            torch.manual_seed(0)
            return space.build(arch, batch.classes)

        for family in families:
            started = clock()
            measure(build, batch, [family])
            alone[family.name] += clock() - started
        started = clock()
        measure(build, batch, families)
        together += clock() - started
    print(
        f"{options.networks} networks of NAS-Bench-201, batch {options.batch_size}, "
        f"{options.image_size}×{options.image_size}, {options.threads} thread(s), seconds each"
    )
    for family in families:
        seconds = alone[family.name] / options.networks
        ratio = alone[family.name] / alone["naswot"]
        print(f"{', '.join(family.scores):45} {seconds:7.3f}  {ratio:6.1f}× naswot")
    each = sum(alone[family.name] * len(family.scores) for family in families)
    print(
        f"all together {together / options.networks:.3f}, "
        f"each by itself {each / options.networks:.3f}"
    )
    print(f"together takes {100 * together / each:.0f} % of the sum of each alone")


if __name__ == "__main__":
    main()
