"""Draw the leaderboard: Kendall tau of every score, best first."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.analysis.leaderboard import SIZES
from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.datasets import TITLES
from naswot.plots.comparison import WIDTH

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]  # of datasets (Okabe and Ito)
ROW = 0.155  # inches per score
PANELS = 3  # side by side


def leaderboard(table: pd.DataFrame, catalogue: Catalogue = BUILT_IN) -> plt.Figure:
    """Draw tau of every score with its interval, one panel per space, one colour per dataset.

    Scores are sorted by their mean over the datasets. Vertical lines mark the better of params and
    FLOPs on each dataset.

    Args:
        table: the content of leaderboard.csv.
        catalogue: the search spaces of the run.
    """
    spaces, datasets = table["space"].unique(), list(table["dataset"].unique())
    columns = min(PANELS, len(spaces))
    lines = -(-len(spaces) // columns)
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(WIDTH, 0.7 + lines * (0.4 + ROW * table["score"].nunique())),
        layout="constrained",
        squeeze=False,
    )
    for axes in grid.flat[len(spaces) :]:
        axes.set_axis_off()
    for axes, space in zip(grid.flat, spaces, strict=False):
        _panel(axes, table[table["space"] == space], datasets)
        axes.set_title(catalogue[space].space.title, fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel(r"Kendall $\tau$, 95 % interval", fontsize=7)
    handles = [
        plt.Line2D([], [], color=colour, marker="o", markersize=3, linewidth=0.8,
                   label=TITLES[dataset])
        for dataset, colour in zip(datasets, COLOURS, strict=False)
    ]  # fmt: skip
    if table["score"].isin(SIZES).any():
        label = "size alone (params or FLOPs)"
        handles.append(
            plt.Line2D([], [], color="#444444", linewidth=0.8, linestyle="--", label=label)
        )
    figure.legend(
        handles=handles, loc="outside upper center", ncols=len(handles), fontsize=7, frameon=False
    )
    return figure


def _panel(axes: plt.Axes, rows: pd.DataFrame, datasets: list[str]) -> None:
    """Draw the scores of one space, best at the top."""
    mean = rows.groupby("score")["tau"].mean().sort_values(na_position="first")
    place = pd.Series(np.arange(len(mean)), mean.index)
    shown = list(rows["dataset"].unique())
    for number, dataset in enumerate(shown):
        part = rows[rows["dataset"] == dataset].set_index("score").reindex(mean.index)
        colour = COLOURS[datasets.index(dataset) % len(COLOURS)]
        height = place + 0.22 * ((len(shown) - 1) / 2 - number)
        error = np.abs(part[["tau_low", "tau_high"]].to_numpy(float).T - part["tau"].to_numpy())
        axes.errorbar(
            part["tau"], height, xerr=error, color=colour, linestyle="", marker="o", markersize=2.4,
            elinewidth=0.8,
        )  # fmt: skip
        size = part["tau"].reindex(SIZES).max()
        if np.isfinite(size):
            axes.axvline(size, color=colour, linewidth=0.8, linestyle="--", zorder=0)
    axes.axvline(0, color="black", linewidth=0.5, zorder=0)
    axes.set_yticks(place, mean.index, fontsize=6)
    axes.set_ylim(-0.7, len(mean) - 0.3)
    together = set(rows.loc[rows["members"].notna(), "score"])
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in together else "normal")
        label.set_fontstyle("italic" if label.get_text() in SIZES else "normal")
    for score in together:
        axes.axhspan(place[score] - 0.5, place[score] + 0.5, color="#f3ead3", zorder=-1)
    axes.tick_params(labelsize=6, length=2)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
