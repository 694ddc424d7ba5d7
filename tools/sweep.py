"""Compare the score with a literal oracle on the networks of torchvision and timm.

    python tools/sweep.py [--packages torchvision,timm] [--only PATTERN] [--each 1] [--resume]
                          (or `make sweep`, which makes the environment that it needs)

It takes all classifiers of torchvision and one of each kind from every family of timm, with random
weights and five noise images, of 64×64 pixels if the network accepts them. Each network is built
and compared in its own process, with a time limit of --seconds. One line per network is added to
DIR/sweep.csv (results/sweep); DIR/sweep.md and the last lines of output are a summary. The exit
code is 1 if a score differs from the oracle's without a known reason, or another error occurred.
"""

import argparse
import csv
import multiprocessing
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

import torch
from sweeping import zoo
from sweeping.comparing import DIED, LONG, WRONG, Row, compare, quiet
from sweeping.report import counts, markdown

import naswot
from naswot.io.atomic import replacing

SIZES = (64, 128, 224, 240, 256, 299)


def sweep(
    networks: list[tuple[str, str]], limit_s: float, most_parameters: float, seed: int
) -> Iterator[Row]:
    """Yield the row of each network (package, name)."""
    # Forked, so that what takes seconds is imported and compiled once.
    context = multiprocessing.get_context("fork")
    for package, name in networks:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(
            target=_compare, args=(sender, package, name, most_parameters, seed), daemon=True
        )
        child.start()
        sender.close()
        try:
            row = receiver.recv() if receiver.poll(limit_s) else Row(package, name, LONG)
        except EOFError:
            row = Row(package, name, DIED)
        child.kill()
        child.join()
        yield row


def _compare(sender, package: str, name: str, most_parameters: float, seed: int) -> None:
    quiet()
    build = partial(zoo.build, package, name)
    sender.send(compare(package, name, build, SIZES, seed=seed, most_parameters=most_parameters))


def read(path: Path) -> list[Row]:
    """Return the rows of a CSV file that `append` wrote; none if there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Row(**{field.name: field.type(line[field.name]) for field in fields(Row)})
            for line in csv.DictReader(stream)
        ]


def write(rows: Sequence[Row], path: Path) -> None:
    """Write `rows` as a CSV file."""
    with replacing(path) as temporary:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            _writer(stream).writeheader()
        for row in rows:
            append(row, temporary)


def append(row: Row, path: Path) -> None:
    """Add `row` to the CSV file."""
    with path.open("a", encoding="utf-8", newline="") as stream:
        _writer(stream).writerow(asdict(row))


def _writer(stream: TextIO) -> csv.DictWriter:
    return csv.DictWriter(stream, [field.name for field in fields(Row)])


def main() -> int:
    """Read the command line, sweep, print counts; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", default="torchvision,timm", help="torchvision,timm")
    parser.add_argument("--only", default="", metavar="PATTERN", help="names that match it")
    parser.add_argument("--each", type=int, default=1, help="of a kind in timm (1)")
    parser.add_argument("--seconds", type=float, default=120, help="for a network (120)")
    parser.add_argument("--most", type=float, default=150, help="million parameters (150)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and images (0)")
    parser.add_argument("--resume", action="store_true", help="go on where DIR ends")
    parser.add_argument("--output", type=Path, default=Path("results/sweep"), metavar="DIR")
    options = parser.parse_args()
    torch.set_num_threads(1)
    packages = options.packages.split(",")
    try:
        zoo.import_packages(packages)
    except ImportError as error:
        sys.exit(f"{error}. `make sweep` makes an environment that has it.")
    table = options.output / "sweep.csv"
    selected = [
        (package, name)
        for package in packages
        for name in zoo.names(package, options.each)
        if re.search(options.only, name)
    ]
    rows = [
        row
        for row in read(table)
        if options.resume or (options.only and (row.package, row.network) not in selected)
    ]
    write(rows, table)
    done = {(row.package, row.network) for row in rows}
    networks = [network for network in selected if network not in done]
    # Compile what is compiled before the first fork.
    naswot.score(
        torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.ReLU()), torch.randn(2, 3, 8, 8)
    )
    for number, row in enumerate(
        sweep(networks, options.seconds, options.most * 1e6, options.seed), len(done) + 1
    ):
        append(row, table)
        rows.append(row)
        print(
            f"{number}/{len(done) + len(networks)} {row.package} {row.network}: {row.outcome} "
            f"({row.seconds:.0f} s) {row.note or row.error}"[:200],
            flush=True,
        )
    with replacing(options.output / "sweep.md") as temporary:
        temporary.write_text(markdown(rows) + "\n", encoding="utf-8")
    print(f"\n{counts(rows)}\n\nEach of them: {table} and sweep.md.")
    return int(any(row.outcome in WRONG for row in rows))


if __name__ == "__main__":
    sys.exit(main())
