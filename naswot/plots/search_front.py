"""Draw what a search has found: score against each cost, with the front and the limits."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.costs import COSTS
from naswot.plots.palette import INK

FRONT = "#d55e00"
MOST_PANELS = 4


def search_front(
    table: pd.DataFrame, score: str, traded: Sequence[str], limits: Mapping[str, float]
) -> plt.Figure:
    """Draw one panel per cost.

    Args:
        table: columns `score`, the costs, `broken` and `front`, one row per network.
        score: name of the score.
        traded: the costs, names of `naswot.costs.COSTS`; the first `MOST_PANELS` are drawn.
        limits: cost → what a network may cost.
    """
    panels = list(traded)[:MOST_PANELS]
    figure, grid = plt.subplots(
        1, len(panels), figsize=(0.6 + 3.4 * len(panels), 3.3), layout="constrained", sharey=True,
        squeeze=False,
    )  # fmt: skip
    known = table[np.isfinite(table[score])]
    within = known[known["broken"] == ""]
    front = within[within["front"]]
    for axes, cost in zip(grid[0], panels, strict=True):
        scale, unit = readable(cost, within[cost])
        axes.scatter(
            within[cost] / scale, within[score], s=9, color=INK, alpha=0.45, linewidths=0,
            label=f"networks ({len(within):,})",
        )  # fmt: skip
        axes.scatter(
            front[cost] / scale, front[score], s=22, facecolors="none", edgecolors=FRONT,
            linewidths=1.2, label=f"front ({len(front):,})",
        )  # fmt: skip
        if len(panels) == 1:
            steps = front.sort_values(cost)
            axes.step(steps[cost] / scale, steps[score], where="post", color=FRONT, linewidth=0.9)
        if cost in limits:
            axes.axvline(
                limits[cost] / scale, color="#444444", linewidth=0.8, linestyle="--",
                label="limit",
            )  # fmt: skip
        axes.set_xlabel(f"{COSTS[cost].title}{unit}", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
    grid[0, 0].set_ylabel(f"{score} of the untrained network", fontsize=8)
    grid[0, 0].legend(fontsize=7, frameon=False)
    left = len(table) - len(within)
    if left:
        text = f"{left:,} networks beyond a limit or without a finite score are not drawn"
        figure.supxlabel(text, fontsize=7)
    return figure


def readable(cost: str, values: pd.Series) -> tuple[float, str]:
    """Return by what to divide values of a cost for an axis, and its unit, such as " (M)"."""
    about, typical = COSTS[cost], float(values.median())
    name = [about.shown[0], *(n for n in about.shown if typical >= about.units[n])][-1]
    return about.units[name], f" ({name})" if name else ""
