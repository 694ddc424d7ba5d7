"""Draw how searches with shared weights go, and what they find."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.plots.comparison import COLOURS, WIDTH
from naswot.plots.spacing import plain

# Operation → name in the legend, and colour.
OPERATIONS = {
    "none": ("none", COLOURS[6]),
    "skip_connect": ("skip", COLOURS[3]),
    "nor_conv_1x1": ("1×1 convolution", COLOURS[2]),
    "nor_conv_3x3": ("3×3 convolution", COLOURS[0]),
    "avg_pool_3x3": ("pooling", COLOURS[1]),
}
COLUMNS = 5  # panels in a row
HEIGHT = 1.45  # inches, of a row


def weight_sharing(table: pd.DataFrame, epochs: pd.DataFrame, cells: pd.DataFrame) -> plt.Figure:
    """Draw probabilities over epochs, shared against trained accuracy, and what was found.

    Args:
        table: the content of weight_sharing.csv.
        epochs: that of weight_sharing_epochs.csv.
        cells: that of weight_sharing_cells.csv.
    """
    titles = dict(zip(table["search"], table["title"], strict=True))
    places = [name for name in epochs.columns if name.startswith("p:")]
    known = epochs.dropna(subset=places[:1]) if places else epochs.iloc[:0]
    moving = [search for search in titles if (known["search"] == search).any()]
    above, below = (-(-len(names) // COLUMNS) for names in (moving, list(titles)))
    rows = above + below
    figure = plt.figure(figsize=(WIDTH, HEIGHT * rows + 2.6), layout="constrained")
    heights = [*([above] if above else []), below, 1.6]
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    if above:
        _probabilities(parts[0], known, {search: titles[search] for search in moving}, above)
    _likeness(parts[-2], table, cells, titles, below)
    _found(parts[-1], table, cells, titles)
    return figure


def _panels(part: plt.Figure, count: int, rows: int) -> list[plt.Axes]:
    grid = part.subplots(rows, COLUMNS, sharex=False, sharey=True, squeeze=False).flat
    panels = list(grid)
    for axes in panels[count:]:
        axes.set_axis_off()
    return panels[:count]


def _probabilities(
    part: plt.Figure, epochs: pd.DataFrame, titles: dict[str, str], rows: int
) -> None:
    for axes, (search, title) in zip(_panels(part, len(titles), rows), titles.items(), strict=True):
        own = epochs[epochs["search"] == search]
        for name, (label, colour) in OPERATIONS.items():
            columns = [column for column in own.columns if column.endswith(f":{name}")]
            share = own[columns].mean(axis=1)
            for number, (_, run) in enumerate(own.assign(share=share).groupby("seed")):
                shown = label if not number else None
                axes.plot(run["epoch"], run["share"], color=colour, linewidth=0.8, label=shown)
        axes.axhline(1 / len(OPERATIONS), color="#bbbbbb", linewidth=0.5, zorder=0)
        axes.set_title(_wrapped(title), fontsize=6)
        axes.set_xlabel("epoch", fontsize=6.5)
        plain(axes)
        axes.tick_params(labelsize=6)
    part.supylabel("probability, mean over edges", fontsize=6.5)
    handles, labels = axes.get_legend_handles_labels()
    part.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=6.5, frameon=False)


def _likeness(
    part: plt.Figure, table: pd.DataFrame, cells: pd.DataFrame, titles: dict[str, str], rows: int
) -> None:
    known = cells["accuracy"].dropna()
    for axes, (search, title) in zip(_panels(part, len(titles), rows), titles.items(), strict=True):
        own = cells[cells["search"] == search]
        axes.scatter(
            own["shared_accuracy"], own["accuracy"], s=1.5, color=COLOURS[0], alpha=0.5, linewidth=0
        )
        taus = table.loc[table["search"] == search, "tau"].dropna()
        shown = f"\nmean τ = {taus.mean():.2f}" if len(taus) else ""
        axes.set_title(_wrapped(title) + shown, fontsize=6)
        if len(known):
            axes.set_ylim(np.percentile(known, 5), known.max() + 1)
        axes.set_xlabel("shared weights (%)", fontsize=6.5)
        plain(axes)
        axes.tick_params(labelsize=6)
    part.supylabel("trained (%)", fontsize=6.5)


def _found(
    part: plt.Figure, table: pd.DataFrame, cells: pd.DataFrame, titles: dict[str, str]
) -> None:
    axes = part.subplots()
    drawn = cells.drop_duplicates("arch")["accuracy"].dropna()
    rows = list(titles)
    for place, search in enumerate(rows):
        values = table.loc[table["search"] == search, "accuracy"]
        axes.scatter(values, np.full(len(values), place), s=14, color=COLOURS[0], zorder=3)
    if len(drawn):
        box = np.percentile(drawn, [25, 50, 75])
        axes.axvspan(box[0], box[2], color="#e8e8e8", zorder=0)
        axes.axvline(box[1], color="#888888", linewidth=0.8, zorder=1)
        least = np.nanmin([np.percentile(drawn, 5), table["accuracy"].min()]) - 1
        axes.set_xlim(least, drawn.max() + 0.5)
    axes.set_yticks(range(len(rows)), [titles[search] for search in rows], fontsize=6.5)
    axes.invert_yaxis()
    axes.set_xlabel(
        "accuracy of the cell found (%), a dot a run; grey: quartiles and median of "
        f"{len(drawn)} random cells",
        fontsize=6.5,
    )
    plain(axes, "x")
    axes.tick_params(labelsize=6)


def _wrapped(title: str) -> str:
    return title.replace(" (", "\n(")
