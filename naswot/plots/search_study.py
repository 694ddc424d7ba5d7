"""Draw what searches find under a limit of latency: accuracy against the limit, on each device."""

import itertools
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from naswot.analysis.search_study import OPTIMAL, RANDOM, SIZE
from naswot.benchmarks.datasets import TITLES
from naswot.benchmarks.hardware import DEVICES
from naswot.plots.comparison import COLOURS, WIDTH
from naswot.plots.spacing import plain

OF_SCORES = [COLOURS[0], *COLOURS[3:6]]
BEST = "#999999"  # the best possible
LINES = ("-", "--", ":")  # of sample sizes, from the largest
PANEL = 1.32  # inches, the height


def search_study(table: pd.DataFrame) -> plt.Figure:
    """Draw mean accuracy and its interval against the limit: rows of devices, columns of data sets.

    The accuracy axis of a data set begins with the lowest curve of a score; size and random choices
    may lie below it, because the upper curves could not be told apart otherwise.

    Args:
        table: the content of search_study.csv.
    """
    devices = [name for name in DEVICES if name in set(table["device"])]
    places = list(table.groupby(["dataset", "accuracy"], sort=False))
    figure, grid = plt.subplots(
        len(devices),
        len(places),
        figsize=(WIDTH, 0.9 + PANEL * len(devices)),
        layout="constrained",
        squeeze=False,
    )
    looks = _looks(table)
    for column, ((dataset, key), rows) in zip(grid.T, places, strict=True):
        for axes, device in zip(column, devices, strict=True):
            _panel(axes, rows[rows["device"] == device], looks)
            axes.set_ylim(*_limits(rows))
            axes.set_title(DEVICES[device], fontsize=7, pad=3)
        heading = f"{TITLES[dataset]}\n{key}\n{DEVICES[devices[0]]}"
        column[0].set_title(heading, fontsize=7, pad=3)
        column[-1].set_xlabel("limit of latency (ms)", fontsize=7)
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy (%)", fontsize=7)
    handles = [
        plt.Line2D([], [], color=colour, linestyle=line, linewidth=1.2, label=label)
        for label, colour, line in looks.values()
    ]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=len(handles), fontsize=6.5, frameon=False
    )
    note = (
        "Mean accuracy of what the runs choose, and its 95 % interval.\n"
        "A curve that leaves a panel at the bottom has lower accuracies there (search_study.csv)."
    )
    figure.supxlabel(note, fontsize=6.5, x=0.01, ha="left")
    return figure


def _looks(table: pd.DataFrame) -> dict[tuple[str, int], tuple[str, str, Any]]:
    """Return (way to choose, N) → label, colour and line, in the order of the legend.

    N is 0 where there is only one.
    """
    names = list(table["chosen_by"].unique())
    scores = [name for name in names if name not in (SIZE, RANDOM, OPTIMAL)]
    colours = dict(zip(scores, itertools.cycle(OF_SCORES), strict=False)) | {SIZE: COLOURS[1]}
    looks: dict[tuple[str, int], tuple[str, str, Any]]
    looks = {(OPTIMAL, 0): ("best possible", BEST, "-")}
    for name in [*scores, *([SIZE] if SIZE in names else [])]:
        sizes = sorted(table.loc[table["chosen_by"] == name, "sample_size"].unique())[::-1]
        for size, line in zip(sizes[:2], LINES, strict=False):
            looks[name, size] = f"{name}, N = {size:,}", colours[name], line
    return looks | {(RANDOM, 0): ("random", COLOURS[2], ":")}


def _panel(axes: plt.Axes, rows: pd.DataFrame, looks: dict) -> None:
    for (name, size), (_, colour, line) in looks.items():
        own = rows[(rows["chosen_by"] == name) & ((rows["sample_size"] == size) | (size == 0))]
        limits = own["limit_ms"]
        axes.fill_between(
            limits, own["mean_low"], own["mean_high"], color=colour, alpha=0.25, linewidth=0
        )
        axes.plot(
            limits,
            own["mean"],
            color=colour,
            linestyle=line,
            linewidth=1.0,
            marker=".",
            markersize=3,
        )
    plain(axes)
    axes.tick_params(labelsize=6, length=2)
    axes.locator_params(axis="x", nbins=6)


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the limits of the accuracy axis of a data set."""
    shown = rows.loc[~rows["chosen_by"].isin([SIZE, RANDOM]), "mean"].dropna()
    low, high = (shown.min(), shown.max()) if len(shown) else (0, 100)
    margin = 0.05 * (high - low) or 0.1
    return low - margin, high + margin
