"""Draw the anytime curves of searches: the accuracy found so far against search time in seconds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.plots.comparison import WIDTH
from naswot.plots.methods import stacked, style_of, write_names

FAR = 0.75  # share of the axis; a curve that ends before it has its name at its own end


def anytime(curves: pd.DataFrame) -> plt.Figure:
    """Draw the median and the quartiles of the incumbents' accuracy against time.

    There is one panel per space and data set. A search is shown in the whole space if it ran there,
    else among the scored architectures.

    Args:
        curves: the content of anytime.csv.
    """
    curves = curves[curves["runs"] > 0]
    keys = ["space", "dataset", "title"]
    whole = (curves["pool"] == "whole").groupby([curves[key] for key in keys]).transform("any")
    curves = curves[(curves["pool"] == "whole") | ~whole]
    if curves.empty:
        figure = plt.figure(figsize=(WIDTH, 1))
        figure.text(0.5, 0.5, "There is no search that spends time.", fontsize=7, ha="center")
        return figure
    panels = list(curves.groupby(["space", "dataset"], sort=False))
    figure, grid = stacked(len(panels), 0.25, 0.32, _notes(curves))
    for axes, ((space, dataset), rows) in zip(grid, panels, strict=True):
        axes.set_xlim(curves["seconds"].min() / 1.5, curves["seconds"].max() * 1.2)
        _panel(axes, rows)
        (key,) = set(rows["accuracy"])
        seen = ", ".join(rows["fitness"].unique())
        axes.set_title(
            f"{BUILT_IN.title(space, dataset)}: {key}, chosen by {seen}",
            loc="left",
            fontsize=6.5,
        )
        word = "validation" if key == BUILT_IN[space].datasets[dataset].valid else "test"
        axes.set_ylabel(f"{word} accuracy (%)", fontsize=7)
    figure.align_ylabels()
    grid[-1].set_xlabel("simulated time of one run (s)", fontsize=7)
    return figure


def _panel(axes: plt.Axes, rows: pd.DataFrame) -> None:
    low, high = rows["median"].min(), rows["q75"].max()
    margin = max(0.05 * (high - low), 0.01)
    axes.set_ylim(low - margin, high + margin)
    left, right = np.log(axes.get_xlim())
    ends = []
    for title, curve in rows.groupby("title", sort=False):
        colour, line = style_of(title)
        seconds = curve["seconds"]
        axes.fill_between(seconds, curve["q25"], curve["q75"], color=(colour, 0.05), linewidth=0)
        axes.plot(seconds, curve[["q25", "q75"]], color=(colour, 0.4), linewidth=0.4)
        axes.plot(seconds, curve["median"], color=colour, linestyle=line, linewidth=1.1)
        end = curve.iloc[-1]
        if (np.log(end["seconds"]) - left) / (right - left) > FAR:
            ends.append((title, end["seconds"], end["median"]))
            continue
        axes.annotate(
            f"{title}  {end['median']:.2f}", (end["seconds"], curve["q75"].max()), (0, 2),
            textcoords="offset points", ha="right", va="bottom", fontsize=6.5, color=colour,
        )  # fmt: skip
    write_names(axes, ends)


def _notes(curves: pd.DataFrame) -> list[str]:
    """Return the notes that are needed to compare the curves."""
    lines = [
        "Accuracy of the best that a run has found by then: median and quartiles over runs. The "
        "numbers are the medians at the end.",
        "A training takes the time that the benchmark recorded, a score the time it took here.",
    ]
    pools = curves.drop_duplicates("title").set_index("title")["pool"]
    if pools.nunique() > 1:
        scored = ", ".join(pools.index[pools == "scored"])
        lines.append(f"Among the scored architectures: {scored}. In the whole space: the others.")
    return lines
