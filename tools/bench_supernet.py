"""Time a step of a mixture of NAS-Bench-201, with and without shared work: processor seconds.

    python tools/bench_supernet.py --channels 16 --cells 1 --side 32

The plain mixture runs each operation of each edge by itself, in torch's default memory format. All
kinds take turns in one run on one thread, and the median of the ratios to the plain one counts.
"""

import argparse
import statistics
import time
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from naswot.supernet.cells import CellSpace, nasbench201
from naswot.supernet.network import Supernet


class Alone(nn.Module):
    """An operation that shares no work with those of other edges."""

    def __init__(self, make, channels):
        super().__init__()
        self.module = make(channels)
        self.register_buffer("own", torch.zeros(()))

    def forward(self, x):
        """Return what the operation returns."""
        return self.module(x)


def unshared(space: CellSpace) -> CellSpace:
    """Return the same space with operations that share no work."""
    operations = {
        name: None if make is None else partial(Alone, make)
        for name, make in space.operations.items()
    }
    return replace(space, operations=operations)


def step(space: CellSpace, layout: torch.memory_format, precision: torch.dtype, side: int):
    """Return a function that does one step on 64 images: forward, backward, clip, SGD."""
    torch.manual_seed(0)
    supernet = Supernet(space, 10, running_statistics=True).to(memory_format=layout)
    optimiser = torch.optim.SGD(supernet.parameters(), 0.025, 0.9, nesterov=True)
    alphas = torch.full((len(space.edges), len(space.operations)), 0.2, requires_grad=True)
    images = torch.randn(64, 3, side, side).to(memory_format=layout)
    labels = torch.randint(10, (64,))

    def run() -> None:
        optimiser.zero_grad(set_to_none=False)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            logits = supernet(images, alphas.softmax(1))
        functional.cross_entropy(logits.float(), labels).backward()
        nn.utils.clip_grad_norm_(supernet.parameters(), 5.0)
        optimiser.step()

    return run


def main() -> None:
    """Print the seconds of each kind of step and the ratio to the plain one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=16, help="of the first stage")
    parser.add_argument("--cells", type=int, default=1, help="a stage")
    parser.add_argument("--side", type=int, default=32, help="of an image, pixels")
    parser.add_argument("--rounds", type=int, default=7, help="steps of each kind")
    options = parser.parse_args()
    torch.set_num_threads(1)
    shared = nasbench201(options.channels, options.cells)
    cl, nchw = torch.channels_last, torch.contiguous_format
    kinds = {
        "plain": (unshared(shared), nchw, torch.float32),
        "shared": (shared, nchw, torch.float32),
        "plain, channels last": (unshared(shared), cl, torch.float32),
        "shared, channels last": (shared, cl, torch.float32),
        "shared, channels last, bfloat16": (shared, cl, torch.bfloat16),
    }
    steps = {name: step(*kind, options.side) for name, kind in kinds.items()}
    for run in steps.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds):
        for name, run in steps.items():
            begun = time.process_time()
            run()
            seconds[name].append(time.process_time() - begun)
    for name, measured in seconds.items():
        ratios = [plain / one for plain, one in zip(seconds["plain"], measured, strict=True)]
        print(f"{name:33} {statistics.median(measured):.3f} s  {statistics.median(ratios):.2f}×")


if __name__ == "__main__":
    main()
