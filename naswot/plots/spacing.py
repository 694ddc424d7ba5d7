"""Place names beside a panel so that they do not overlap, and give panels a plain style."""

from collections.abc import Iterable
from typing import Any, Literal

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


def name_at_right(
    axes: plt.Axes,
    points: Iterable[tuple[str, float, float, Any]],
    gap: float = 0.06,
    text: str | None = None,
) -> None:
    """Write names at the right of the axes, without overlap, each joined to its point by a line.

    Args:
        axes: the axes, with its final limits.
        points: (name, x, y, colour); those whose y is not finite are left out.
        gap: minimum distance of two names, as a fraction of the height of the axes.
        text: the colour of all names; None: each has the colour of its point.
    """
    points = sorted((each for each in points if np.isfinite(each[2])), key=lambda each: each[2])
    low, high = axes.get_ylim()
    wanted = np.array([(y - low) / (high - low) for _, _, y, _ in points])
    heights = spread(wanted, gap, (0, 1)) if points else wanted
    for (name, x, y, colour), height in zip(points, heights, strict=True):
        axes.annotate(
            name, (x, y), (1.03, height), textcoords="axes fraction", va="center", fontsize=6.5,
            color=text or colour,
            arrowprops={
                "arrowstyle": "-", "linewidth": 0.5, "color": colour, "alpha": 0.7,
                "shrinkA": 0, "shrinkB": 2, "relpos": (0, 0.5),
            },
        )  # fmt: skip


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
