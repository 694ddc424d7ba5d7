"""Draw how one network was trained: its loss and its accuracies, epoch by epoch."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.plots.comparison import COLOURS, WIDTH
from naswot.plots.spacing import name_at_right, plain

LONGEST_NAME = 105  # characters, the width of the figure
# Column of the table → name of its line.
ACCURACIES = {
    "train_accuracy": "training",
    "valid_accuracy": "validation",
    "test_accuracy": "test",
}


def training(rows: pd.DataFrame, network: str, images: str) -> plt.Figure:
    """Draw the training loss and the accuracies of one network against epochs.

    Args:
        rows: the table of `naswot.training.loop.train_network`.
        network, images: what was trained on what, for the title.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.8))
    _draw(left, rows, "train_loss", COLOURS[0])
    left.set_title("Cross entropy of the training images", fontsize=7.5, loc="left")
    lines = {name: key for key, name in ACCURACIES.items() if rows[key].notna().any()}
    for colour, key in zip(COLOURS, lines.values(), strict=False):
        _draw(right, rows, key, colour)
    right.set_title("Accuracy (%)", fontsize=7.5, loc="left")
    for axes in (left, right):
        axes.set_xlabel("epochs of training", fontsize=7.5)
        axes.set_xlim(0, max(rows["epoch"].max(), 1))
        axes.locator_params(axis="x", integer=True, nbins=8)
        plain(axes)
        axes.tick_params(labelsize=7)
    left.set_ylim(bottom=0)
    last = rows.iloc[-1]
    ends = (
        (f"{name} {last[key]:.2f} %", last["epoch"], last[key], colour)
        for colour, (name, key) in zip(COLOURS, lines.items(), strict=False)
    )
    name_at_right(right, ends, 0.09)
    name = network if len(network) <= LONGEST_NAME else f"{network[: LONGEST_NAME - 1]}…"
    figure.suptitle(f"{name}\n{images}", x=0.012, ha="left", fontsize=7.5, parse_math=False)
    figure.subplots_adjust(left=0.06, right=0.85, top=0.79, bottom=0.16, wspace=0.16)
    return figure


def _draw(axes: plt.Axes, rows: pd.DataFrame, column: str, colour: str) -> None:
    kept = rows[np.isfinite(rows[column])]
    size = 2.5 if len(kept) <= 40 else 0
    axes.plot(kept["epoch"], kept[column], "o-", color=colour, markersize=size, lw=1, clip_on=False)
