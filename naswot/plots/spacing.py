"""Place names beside a panel so that they do not overlap, and give panels a plain style."""

from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import isotonic_regression


def spread(
    wanted: np.ndarray, gap: float, limits: tuple[float, float] = (-np.inf, np.inf)
) -> np.ndarray:
    """Return positions at least `gap` apart, ascending and as close as possible to `wanted`.

    Args:
        wanted: (n,) positions, in the order to keep.
        gap: minimum distance of two positions.
        limits: lowest and highest position, if there is enough room.
    """
    steps = gap * np.arange(len(wanted))
    close = isotonic_regression(np.asarray(wanted, float) - steps).x
    low, high = limits[0], max(limits[0], limits[1] - gap * (len(wanted) - 1))
    return np.clip(close, low, high) + steps


def plain(axes: plt.Axes, grid: Literal["x", "y"] = "y") -> None:
    """Remove the top and right sides of the axes, and add a faint grid in the background.

    Args:
        axes: the axes to change.
        grid: the direction whose values have grid lines, "x" or "y".
    """
    axes.tick_params(labelsize=6.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, linewidth=0.3, color="#dddddd")
    axes.set_axisbelow(True)
