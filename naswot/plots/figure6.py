"""Draw Figure 6 of the paper: the score of networks during training."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, Normalize

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.io.parquet import read_metadata, read_parquet
from naswot.plots.comparison import WIDTH
from naswot.plots.spacing import name_at_right, plain
from naswot.training.protocol import ZOOMED_EPOCHS

HEIGHT = 4.7  # inches
NAME_HEIGHT = 0.068  # minimum distance of two names, as a share of the axis's height
# Column of the table → label of its row.
ROWS = {"score": "Train mode", "score_eval": "Eval mode"}
# Without the lightest yellow, which is hard to see on white.
DARK = LinearSegmentedColormap.from_list(
    "dark cividis", plt.get_cmap("cividis")(np.linspace(0, 0.88, 64))
)


def figure6(table: str | Path, catalogue: Catalogue = BUILT_IN) -> plt.Figure:
    """Draw Figure 6.

    `table` is the file of `naswot.analysis.evolution.track_score`. The paper's figure has one
    row; this one has a row for each mode of batch normalisation in scoring (train, eval).
    """
    rows, about = read_parquet(table), read_metadata(table)
    figure, grid = plt.subplots(
        2, 2, figsize=(WIDTH, HEIGHT), width_ratios=(1, 1.35), sharey=True, sharex="col"
    )
    lines = [line for _, line in rows.groupby("network")]
    accuracies = [line["accuracy"].iloc[0] for line in lines]
    scale = Normalize(min(accuracies), max(accuracies) + 1e-9)
    for axes, (column, mode) in zip(grid, ROWS.items(), strict=True):
        _draw(axes, lines, scale, column)
        axes[0].set_title(f"{mode}: the first two epochs", fontsize=7.5, loc="left")
        axes[1].set_title("the whole training", fontsize=7.5, loc="left")
    for axes in grid[1]:
        axes.set_xlabel("epochs of training", fontsize=7.5)
    for (_, axes), column in zip(grid, ROWS, strict=True):  # once all limits are final
        _name(axes, lines, scale, column)
    figure.subplots_adjust(left=0.08, right=0.885, top=0.95, bottom=0.18, wspace=0.09, hspace=0.2)
    figure.text(0.012, 0.015, "\n".join(_notes(rows, about, catalogue)), fontsize=6.5, va="bottom")
    return figure


def _draw(
    row: Sequence[plt.Axes], lines: Sequence[pd.DataFrame], scale: Normalize, column: str
) -> None:
    """Draw a column of the table against epochs: the first two epochs, and all epochs."""
    zoom, whole = row
    for line in lines:
        colour = DARK(scale(line["accuracy"].iloc[0]))
        early = line[line["epoch"] <= ZOOMED_EPOCHS]
        zoom.plot(early["epoch"], early[column], "o-", color=colour, markersize=2, linewidth=0.9)
        whole.plot(line["epoch"], line[column], color=colour, linewidth=0.9)
    epochs = max(line["epoch"].max() for line in lines)
    zoom.set_xlim(-0.02, min(ZOOMED_EPOCHS, epochs) + 0.02)
    zoom.locator_params(axis="x", steps=[5, 10], nbins=5)
    whole.set_xlim(0, epochs)
    whole.locator_params(axis="x", integer=True, nbins=8)
    zoom.set_ylabel("naswot score", fontsize=7.5)
    for axes in row:
        plain(axes)
        axes.tick_params(labelsize=7)


def _name(axes: plt.Axes, lines: Sequence[pd.DataFrame], scale: Normalize, column: str) -> None:
    """Write the benchmark's accuracy of each network at the end of its line."""
    right = axes.get_xlim()[1]
    ends = ((line["accuracy"].iloc[0], line[column].iloc[-1]) for line in lines)
    named = ((f"{accuracy:.2f} %", right, end, DARK(scale(accuracy))) for accuracy, end in ends)
    name_at_right(axes, named, NAME_HEIGHT)


def _notes(rows: pd.DataFrame, about: dict, catalogue: Catalogue) -> list[str]:
    """Return notes: the meaning of the lines, and how trainings are smaller than the paper's."""
    count, space = rows["network"].nunique(), catalogue[about["space"]].space.title
    notes = [
        f"{count} of the {about['eligible']:,} networks of {space} with "
        f"{about['accuracy']} above {about['above']:g} %, drawn at random; colours and names: "
        "that accuracy.",
        "Train mode: batch normalisation uses the statistics of the mini-batch, as in untrained "
        "networks. Eval mode: those that training has gathered.",
    ]
    if about["reduced"]:
        notes.append(f"Reduced: trained on {about['reduced']}.")
    finite = np.isfinite(rows[list(ROWS)]).all(axis=1)
    lost = rows.loc[~finite, "network"].nunique()
    if lost:
        notes.append(f"{lost} of them have scores that are not finite, which are not drawn.")
    return notes
