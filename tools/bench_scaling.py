"""Measure how scoring time grows with batch, resolution, network size and number of architectures.

    python tools/bench_scaling.py [--output DIR]

It uses one thread. Our score is timed in both precisions, the authors' literal protocol
(tests/support/oracle.py) at fewer points. It writes DIR/scaling.parquet, one row per point, and
DIR/scaling.svg (results/bench). The fitted exponents are slopes on logarithmic axes over the points
with a line. It takes about four minutes.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

import numpy as np
import pandas as pd
from benching.machine import machine
from benching.networks import shares
from benching.timing import Settings, Worker

from naswot.errors import NaswotError
from naswot.io.parquet import write_parquet
from naswot.runtime.provenance import build_metadata
from naswot.scores.size import flops

METHODS = ("protocol", "float32", "bfloat16")
BATCHES = (16, 32, 64, 128, 256, 512)
SIDES = (8, 16, 24, 32, 48, 64)
CHANNELS = (8, 16, 24, 32, 48, 64)
NETWORKS = (1, 3, 10, 30, 100, 300)
# Where the protocol is timed, too.
PROTOCOL = {
    "batch": (16, 64, 128),
    "side": (8, 16, 32),
    "operations": (8, 16, 32, 64),
    "networks": (1, 3, 10),
}
CELLS = 3  # of NAS-Bench-201 at every batch and side
REPEATS = 3  # of each network of the size space
FITTED = 3  # how many of the largest points a line is fitted to

TITLES = {
    "batch": ("mini-batch", "images in the mini-batch"),
    "side": ("resolution", "side of an image (pixels)"),
    "operations": ("size of the network", "forward pass of an image (MFLOP)"),
    "networks": ("number of architectures", "architectures"),
}
BELOW = (
    "One thread; seconds include the construction of networks. (a, b, d) random cells of "
    "NAS-Bench-201, medians of the same {cells} in (a, b);\n"
    "(c) NATS-Bench SSS with 8 to 64 channels everywhere, medians of {repeats} repeats. Where it "
    "does not vary, a batch has 128 images of 32×32.\n"
    "Lines and exponents: least squares on logarithmic axes over the {fitted} largest points."
)


def main() -> None:
    """Time all points, write them and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--output", type=Path, default=Path("results/bench"), help="folder (results/bench)"
    )
    options = parser.parse_args()
    settings = Settings()
    try:
        rows, started = [], time.monotonic()
        for panel, measured in (
            ("batch", partial(images, "batch", BATCHES)),
            ("side", partial(images, "size", SIDES)),
            ("operations", channels),
            ("networks", number),
        ):
            for method, level, seconds in measured(settings, PROTOCOL[panel]):
                rows.append((panel, method, float(level), seconds))
            print(f"{panel}: {time.monotonic() - started:.0f} s", flush=True)
        table = pd.DataFrame(rows, columns=["panel", "method", "level", "seconds"])
        about = build_metadata(**asdict(settings), workers=1, threads=1) | machine(settings.device)
        write_parquet(table, options.output / "scaling.parquet", about)
        draw(table, options.output / "scaling.svg")
    except NaswotError as error:
        sys.exit(str(error))
    for (panel, method), points in table.groupby(["panel", "method"], sort=False):
        print(f"{panel:10}  {method:8}  exponent {slope(points)[0]:.2f}")
    print(f"Written: {options.output}/scaling.parquet and scaling.svg.")


Points = Iterator[tuple[str, float, float]]  # method, level, seconds


def images(field: str, levels: Sequence[int], settings: Settings, slow: Sequence[int]) -> Points:
    """Yield the median seconds of the same cells at each level of a field of the settings."""
    (archs,) = shares("nasbench201", CELLS, 1, settings.seed)
    for level in levels:
        worker = Worker(Settings(**asdict(settings) | {field: level}))
        for method in METHODS:
            if method != "protocol" or level in slow:
                run(worker, method, "nasbench201", archs[0])
                seconds = [run(worker, method, "nasbench201", arch) for arch in archs]
                yield method, level, float(np.median(seconds))


def channels(settings: Settings, slow: Sequence[int]) -> Points:
    """Yield the median seconds of networks with the same number of channels everywhere."""
    worker = Worker(settings)
    for width in CHANNELS:
        arch = ":".join([str(width)] * 5)
        operations = flops(worker.build("natsbench_sss", arch), worker.images) / 1e6
        for method in METHODS:
            if method != "protocol" or width in slow:
                run(worker, method, "natsbench_sss", arch)
                seconds = [run(worker, method, "natsbench_sss", arch) for _ in range(REPEATS)]
                yield method, operations, float(np.median(seconds))


def number(settings: Settings, slow: Sequence[int]) -> Points:
    """Yield how many seconds have gone by when so many architectures are scored."""
    worker = Worker(settings)
    (archs,) = shares("nasbench201", max(NETWORKS), 1, settings.seed)
    for method in METHODS:
        counts = slow if method == "protocol" else NETWORKS
        gone = np.cumsum(
            [run(worker, method, "nasbench201", arch) for arch in archs[: max(counts)]]
        )
        for count in counts:
            yield method, count, float(gone[count - 1])


def run(worker: Worker, method: str, space: str, arch: str) -> float:
    """Return the seconds of one network."""
    if method == "protocol":
        return worker.protocol(space, arch)
    return worker.ours(space, arch, method)


def slope(points: pd.DataFrame) -> tuple[float, float]:
    """Return exponent a and logarithm b of seconds ≈ exp(b)·level^a at the largest levels."""
    largest = points.nlargest(FITTED, "level")
    exponent, logarithm = np.polyfit(np.log(largest["level"]), np.log(largest["seconds"]), 1)
    return float(exponent), float(logarithm)


def draw(table: pd.DataFrame, output: Path) -> None:
    """Draw seconds against levels, a panel each, with the fitted exponents."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    from naswot.plots.comparison import WIDTH
    from naswot.plots.palette import FILLS
    from naswot.plots.writing import save
    from naswot.spaces.graph import CONV, POOL, SEPARABLE

    looks = {
        "protocol": (FILLS[POOL], "^", "literal protocol"),
        "float32": (FILLS[CONV], "o", "ours, float32"),
        "bfloat16": (FILLS[SEPARABLE], "s", "ours, bfloat16"),
    }
    plain = FuncFormatter(lambda value, _: f"{value:,.10g}")
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 5.2), layout="constrained")
    for axes, letter, (panel, (title, label)) in zip(
        grid.flat, "abcd", TITLES.items(), strict=True
    ):
        rows = table[table["panel"] == panel]
        for method, points in rows.groupby("method", sort=False):
            colour, marker, name = looks[method]
            exponent, logarithm = slope(points)
            ends = points.nlargest(FITTED, "level")["level"].agg(["min", "max"]).to_numpy()
            axes.loglog(ends, np.exp(logarithm) * ends**exponent, color=colour, linewidth=1)
            axes.loglog(
                points["level"],
                points["seconds"],
                color=colour,
                marker=marker,
                markersize=3.5,
                linestyle="none",
                label=rf"{name}: $\propto x^{{{exponent:.2f}}}$",
            )
        axes.set_title(f"({letter}) {title}", loc="left", fontsize=8)
        axes.set_xlabel(label, fontsize=7)
        axes.set_ylabel("seconds" if panel == "networks" else "seconds per network", fontsize=7)
        if panel == "operations":
            axes.set_xticks([10, 30, 100, 300])
        else:
            axes.set_xticks(sorted(rows["level"].unique()))
            axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(plain)
        axes.yaxis.set_major_formatter(plain)
        axes.tick_params(labelsize=6.5)
        axes.set_ylim(rows["seconds"].min() / 4.5, rows["seconds"].max() * 1.5)
        axes.legend(fontsize=6.5, frameon=False, loc="lower right", handletextpad=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    note = BELOW.format(cells=CELLS, repeats=REPEATS, fitted=FITTED)
    figure.supxlabel(note, fontsize=6.5, x=0.01, ha="left")
    save(figure, [output])


if __name__ == "__main__":
    main()
