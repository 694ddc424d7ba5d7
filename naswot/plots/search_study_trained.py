"""Draw how networks chosen by score train, beside random ones and the largest."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.analysis.search_study_trained import ACCURACY, GROUPS
from naswot.plots.comparison import COLOURS, WIDTH
from naswot.plots.spacing import plain

# Group → name below the axis, and colour. A network of several groups has the colour of the last.
LOOKS = {
    "random": ("random", COLOURS[2]),
    "largest": ("largest", COLOURS[1]),
    "best": ("best by score", COLOURS[0]),
}
HEIGHT = 2.7  # inches
STEP = 0.055  # between two dots of a group, where 1 is the distance of two groups


def search_study_trained(
    table: pd.DataFrame, summary: pd.DataFrame, *, score: str, limits: str, images: str
) -> plt.Figure:
    """Draw accuracies by group, and against the score and the number of parameters.

    Args:
        table: the content of search_study_trained.csv.
        summary: that of search_study_trained_summary.csv.
        score: name of the score.
        limits, images: the limits of the networks, and what they were trained on, for the text
            below.
    """
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(WIDTH, HEIGHT), layout="constrained", sharey=True, width_ratios=(1.15, 1, 1)
    )
    known = table[np.isfinite(table[ACCURACY])]
    _groups(left, known, summary)
    left.set_ylabel("test accuracy (%)", fontsize=7)
    for axes, column, title in (
        (middle, "score", f"{score}, untrained"),
        (right, "params", "parameters (thousands)"),
    ):
        scale = 1e3 if column == "params" else 1
        for name, (_, colour) in LOOKS.items():
            own = known[known[name] & np.isfinite(known[column])]
            axes.scatter(own[column] / scale, own[ACCURACY], s=12, color=colour, linewidth=0)
        axes.set_xlabel(title, fontsize=7)
        axes.set_title(_tau(summary, column), fontsize=7)
        axes.locator_params(axis="x", nbins=5)
        plain(axes)
    left.set_title("dots: networks; bars: mean, 95 %", fontsize=7)
    figure.supxlabel(
        f"{len(known)} networks{f' with {limits}' if limits else ''}, trained on {images}. "
        "Kendall τ is that of the random ones alone.",
        fontsize=6.5,
        x=0.01,
        ha="left",
    )
    return figure


def _groups(axes: plt.Axes, known: pd.DataFrame, summary: pd.DataFrame) -> None:
    means = summary[summary["quantity"] == "mean accuracy"].set_index("of")
    ticks = []
    for place, name in enumerate(GROUPS):
        label, colour = LOOKS[name]
        values = np.sort(known.loc[known[name], ACCURACY].to_numpy(float))
        offsets = STEP * (np.arange(len(values)) % 5 - 2)
        axes.scatter(place + offsets, values, s=12, color=colour, linewidth=0)
        row = means.loc[name]
        low, high = row["value"] - row["low"], row["high"] - row["value"]
        error = [[low], [high]] if np.isfinite(low) else None
        axes.errorbar(
            place + 0.3, row["value"], error, fmt="_", color=colour, capsize=2, linewidth=1
        )
        ticks.append(f"{label}\nn = {len(values)}")
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_xlim(-0.4, len(ticks) - 0.4)
    plain(axes)


def _tau(summary: pd.DataFrame, column: str) -> str:
    rows = summary[(summary["quantity"] == "tau") & (summary["of"] == column)]
    row = rows.iloc[0]
    if not np.isfinite(row["value"]):
        return "τ unknown"
    return f"τ = {row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
