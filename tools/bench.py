"""Time our score against the authors' literal protocol: same networks, same images, one run.

    python tools/bench.py [--device cpu|cuda] [--workers N] [--networks N] [--spaces …]
                          [--precisions …] [--size PIXELS] [--batch B] [--output DIR]

Processes score at the same time, one per core, as the workflow's jobs do. The measurements are
written to DIR/bench.parquet and bench.md (results/bench), and printed with an explanation of the
columns. It needs torch, numpy, pandas and pyarrow; with numba our score is faster. It takes a few
minutes.
"""

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from benching import networks
from benching.machine import machine
from benching.report import markdown, row
from benching.timing import Settings
from benching.workers import Workers

from naswot.errors import NaswotError
from naswot.io.atomic import replacing
from naswot.io.parquet import write_parquet
from naswot.runtime.cpu import available_cores
from naswot.runtime.device import choose_device
from naswot.runtime.provenance import build_metadata
from naswot.scores.naswot import PRECISIONS


def main() -> None:
    """Time every space, write the table and print it."""
    options = parse()
    settings = Settings(options.device, options.batch, options.size, options.seed)
    try:
        networks.check(options.spaces)
        choose_device(options.device)
        workers = options.workers or (1 if options.device == "cuda" else available_cores())
        table = run(options, settings, workers)
        about = build_metadata(**asdict(settings), workers=workers, threads=1)
        about |= machine(options.device)
        text = markdown(table, about)
        write_parquet(table, options.output / "bench.parquet", about)
        with replacing(options.output / "bench.md") as temporary:
            temporary.write_text(text, encoding="utf-8")
    except NaswotError as error:
        sys.exit(str(error))
    print(f"\n{text}\nThe same is in {options.output}/bench.parquet and bench.md.")


def parse() -> argparse.Namespace:
    """Return the command's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="to score on")
    parser.add_argument("--workers", type=positive, help="processes (one a core; one on a GPU)")
    parser.add_argument(
        "--networks",
        type=positive,
        default=24,
        help="networks of NAS-Bench-201 (24); of other spaces half or a quarter of it, and always "
        "as many for each worker",
    )
    every = ", ".join(networks.TIMED)
    parser.add_argument(
        "--spaces",
        nargs="+",
        default=list(networks.TIMED),
        metavar="SPACE",
        help=f"some of {every}",
    )
    parser.add_argument(
        "--precisions",
        nargs="+",
        default=list(PRECISIONS),
        choices=PRECISIONS,
        help="of our forward pass (all)",
    )
    parser.add_argument("--size", type=positive, default=32, help="image side in pixels (32)")
    parser.add_argument("--batch", type=positive, default=128, help="images in the batch (128)")
    parser.add_argument("--seed", type=int, default=0, help="of networks, images, weights (0)")
    parser.add_argument(
        "--output", type=Path, default=Path("results/bench"), help="folder (results/bench)"
    )
    return parser.parse_args()


def positive(text: str) -> int:
    """Return the whole number above 0 that `text` is."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def run(options: argparse.Namespace, settings: Settings, count: int) -> pd.DataFrame:
    """Return the table, one row per space and precision; say what is being done."""
    shares = {
        space: networks.shares(space, options.networks, count, settings.seed)
        for space in options.spaces
    }
    told = time.monotonic()

    def same(value) -> list:
        return [value] * count

    def tell(text: str) -> None:
        nonlocal told
        now = time.monotonic()
        print(f"{text} ({now - told:.0f} s)", flush=True)
        told = now

    with Workers(count, settings) as workers:
        peaks = {
            precision: workers.ask("peak", same(precision)) for precision in options.precisions
        }
        tell(f"{count} worker(s): started, matrix products timed")
        measured = {}
        for space, archs in shares.items():
            compared = workers.ask("compare", same(space), archs, same(options.precisions))
            for precision in options.precisions:
                about = same(space), archs, same(precision)
                alone, phases = workers.ask("alone", *about), workers.ask("phases", *about)
                measured[space, precision] = compared, alone, phases, peaks[precision]
            tell(f"{space}: {sum(map(len, archs))} networks timed")
    rows = []
    jobs = list(measured)
    for first in range(0, len(jobs), count):
        together = jobs[first : first + count]
        # Fresh processes: the peak of one that has done anything else would be that of the other.
        with Workers(len(together), settings) as workers:
            spaces, precisions = zip(*together, strict=True)
            used = workers.ask("memory", spaces, [shares[space][0] for space in spaces], precisions)
        for key, memory in zip(together, used, strict=True):
            rows.append(row(*key, *measured[key], memory))
    tell("memory measured")
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
