"""Time our score of torchvision's networks against the authors' literal protocol.

    make test-zoo      # installs torchvision in .venv/torchvision
    PYTHONPATH=.venv/torchvision python tools/bench_zoo.py [NAME …] [--threads T] [--batch B]

Each network is timed by all methods in turn, construction included: the protocol once, ours twice,
of which the shorter time counts. It prints one line per network; ratios are those of the seconds of
the protocol to ours. It takes four minutes.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

import oracle

from naswot.io.user_code import import_package
from naswot.scores.codes import prepare_fused
from naswot.scores.naswot import PRECISIONS, hamming_kernel, log_determinant

NAMES = ("resnet18", "resnet50", "vgg16", "densenet121", "mobilenet_v2", "regnet_y_400mf")


def main() -> None:
    """Time each network and print a line about it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--threads", type=int, default=2, help="of torch (2)")
    parser.add_argument("--batch", type=int, default=32, help="images of 224×224 pixels (32)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    try:
        models = import_package("torchvision.models")
        factories = {name: getattr(models, name) for name in options.names}
    except (ImportError, AttributeError) as error:
        sys.exit(f"{error}. The first lines of {Path(__file__).name} say how to call it.")
    images = torch.randn(options.batch, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    for precision in PRECISIONS.values():
        prepare_fused(images, precision)
    print("network           protocol s", *(f"{name:>10} s  ratio" for name in PRECISIONS))
    for name, factory in factories.items():
        protocol = seconds(oracle.score, factory, images)
        line = [f"{name:16}{protocol:12.2f}"]
        for precision in PRECISIONS:
            taken = min(seconds(ours, factory, images, precision) for _ in range(2))
            line.append(f"{taken:12.2f}{protocol / taken:6.1f}×")
        print(*line, flush=True)


def ours(network: nn.Module, images: torch.Tensor, precision: str) -> None:
    """Compute our score."""
    log_determinant(hamming_kernel(network, images, precision).matrix)


def seconds(method: Callable, factory: Callable[[], nn.Module], *arguments: object) -> float:
    """Return how long `method(network, *arguments)` takes, with the construction of the network."""
    torch.manual_seed(0)
    started = time.perf_counter()
    method(factory(), *arguments)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
