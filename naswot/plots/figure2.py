"""Draw Figure 2 of the paper: how ReLUs cut the plane into regions, and the kernel of the codes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.path import Path as Outline

LABEL = 0.18, 0.12  # width and height of a written code, in units of the plane
LAYERS = ("#1a1a1a", 1.3), ("#b5179e", 0.9)  # colour and width of each layer's boundaries


def figure2(
    regions: pd.DataFrame, boundaries: pd.DataFrame, inputs: pd.DataFrame, kernels: pd.DataFrame
) -> plt.Figure:
    """Draw Figure 2 from the tables of `naswot.analysis.figure2`."""
    first = int(boundaries.loc[boundaries["layer"] == 0, "unit"].max()) + 1
    figure, (plane, beside) = plt.subplots(
        1, 2, figsize=(6.6, 3.9), width_ratios=(1.5, 1), layout="constrained"
    )
    _draw_plane(plane, regions, boundaries, inputs, first)
    _draw_kernel(beside, inputs, kernels, first)
    return figure


def _draw_plane(
    axes: plt.Axes, pieces: pd.DataFrame, boundaries: pd.DataFrame, points: pd.DataFrame, first: int
) -> None:
    most = len(pieces["code"].iloc[0])
    shades = plt.get_cmap("YlGnBu")
    for code, region in pieces.groupby("code"):
        corners = region.sort_values("vertex")[["x", "y"]].to_numpy()
        # Only light shades, so that black codes are readable.
        axes.fill(*corners.T, color=shades(0.7 * code.count("1") / most), linewidth=0)
        _label(axes, code, corners, first)
    for layer, (colour, width) in enumerate(LAYERS):
        ends = boundaries.loc[boundaries["layer"] == layer, ["x0", "y0", "x1", "y1"]].to_numpy()
        lines = LineCollection(ends.reshape(-1, 2, 2), colors=colour, linewidths=width)
        axes.add_collection(lines)
        axes.plot([], [], color=colour, linewidth=width, label=f"units of layer {layer + 1}")
    for name, x, y in points[["input", "x", "y"]].itertuples(index=False):
        axes.plot(x, y, "o", markersize=10, color="#ffffff", markeredgecolor="#000000")
        axes.text(x, y, name, ha="center", va="center_baseline", fontsize=7, fontweight="bold")
    axes.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    axes.set_xlabel("input 1", fontsize=7.5, labelpad=1)
    axes.set_ylabel("input 2", fontsize=7.5, labelpad=-4)
    axes.tick_params(labelsize=7, length=2)
    regions = pieces["code"].nunique()
    axes.set_title(
        f"(a) {regions} linear regions with their codes; darker: more active units", fontsize=7.5
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=2, fontsize=7, frameon=False)


def _label(axes: plt.Axes, code: str, corners: np.ndarray, first: int) -> None:
    """Write a code into its region if there is room for it."""
    outline = Outline(np.vstack([corners, corners[:1]]), closed=True)
    middle = corners.mean(axis=0)
    half = np.array(LABEL) / 2
    box = middle + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    if outline.contains_points(box).all():
        text = f"{code[:first]}\n{code[first:]}"
        x, y = middle
        axes.text(x, y, text, ha="center", va="center", fontsize=6.5, linespacing=1.05)


def _draw_kernel(axes: plt.Axes, points: pd.DataFrame, kernels: pd.DataFrame, first: int) -> None:
    names = list(points["input"])
    kernel, most = points[names].to_numpy(), len(points["code"].iloc[0])
    axes.imshow(kernel, cmap="Greys", vmin=0, vmax=3 * most)
    for (i, j), value in np.ndenumerate(kernel):
        axes.text(j, i, value, ha="center", va="center", fontsize=9)
    codes = [f"{code[:first]} {code[first:]}" for code in points["code"]]
    axes.set_xticks(range(len(names)), names, fontsize=8, fontweight="bold")
    rows = [f"{code}  {name}" for code, name in zip(codes, names, strict=True)]
    axes.set_yticks(range(len(names)), rows, fontsize=8, family="monospace")
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_title(f"(b) $K_H$ = {most} − Hamming distance", fontsize=8.5, pad=6)
    words = {"ABCD": "all four inputs", "ACD": "without B"}
    lines = [
        rf"$\ln|\det K_H|$ = {'−∞' if np.isinf(row.log_det) else f'{row.log_det:.2f}'}, "
        f"{words[row.inputs]}"
        for row in kernels.itertuples()
    ]
    axes.set_xlabel("\n".join(lines), fontsize=8, labelpad=6)
