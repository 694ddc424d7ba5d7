"""Draw what a score depends on: Figure 5 of the paper, and further ablations."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.metrics import ACCURACY, Metric, metric_of
from naswot.plots.comparison import WIDTH
from naswot.plots.spacing import name_at_right, plain

BOXES = {
    "batches": "(a) mini-batches of images",
    "noise": "(b) mini-batches of normal noise",
    "initialisations": "(c) initialisations",
}
BEYOND = {
    "scheme": "(a) scheme of the initial weights",
    "image_size": "(b) image size (pixels)",
    "classes": "(c) outputs of the network",
}


def figure5(
    networks: pd.DataFrame,
    levels: pd.DataFrame,
    catalogue: Catalogue = BUILT_IN,
) -> plt.Figure:
    """Draw the scores of the networks over mini-batches, noise, initialisations and batch sizes.

    Args:
        networks, levels: the content of ablations/networks.csv and ablations/levels.csv.
        catalogue: the search spaces of the run.
    """
    figure, grid = plt.subplots(2, 2, figsize=(WIDTH, 5.4), layout="constrained")
    metric = _metric(levels)
    boxed = networks[networks["ablation"].isin(BOXES)]
    limits = _limits(boxed)
    for axes, (ablation, title) in zip(grid.flat, BOXES.items(), strict=False):
        _boxes(axes, networks[networks["ablation"] == ablation], limits, metric)
        (row,) = levels[levels["ablation"] == ablation].itertuples()
        name = row.level if ablation == "batches" else ""
        _title(axes, f"{title}{f' ({name})' if name else ''}, {row.repeats:.0f}")
        axes.set_xlabel(f"{metric.label('of the network')}, {row.accuracy_key}", fontsize=7)
        axes.set_ylabel("naswot score", fontsize=7)
    axes = grid[1, 1]
    rows = networks[networks["ablation"] == "batch_size"]
    _lines(axes, rows, "normalised", taus=None, metric=metric)
    _title(axes, "(d) mini-batch size")
    axes.set_xlabel("images in the mini-batch", fontsize=7)
    axes.set_ylabel("naswot score / least at that size", fontsize=7)
    _caption(
        figure,
        networks,
        catalogue,
        "Boxes: quartiles; whiskers: lowest and highest.\n"
        f"(d): median, lowest and highest; numbers on the right: {metric.label()}.",
    )
    return figure


def ablations(
    networks: pd.DataFrame,
    levels: pd.DataFrame,
    catalogue: Catalogue = BUILT_IN,
) -> plt.Figure:
    """Draw the scores over schemes of initial weights, image sizes and numbers of classes.

    Arguments as for `figure5`. Below each level is the tau of its mean scores with the mean scores
    over mini-batches.
    """
    figure = plt.figure(figsize=(WIDTH, 5.6), layout="constrained")
    grid = figure.add_gridspec(2, 1)
    top, bottom = grid[0], grid[1]
    below = bottom.subgridspec(1, 2)
    metric = _metric(levels)
    places = dict(zip(BEYOND, (top, below[0], below[1]), strict=True))
    for ablation, place in places.items():
        axes, rows = figure.add_subplot(place), levels[levels["ablation"] == ablation]
        _title(axes, BEYOND[ablation])
        shown = rows[rows["networks"] > 0]
        if shown.empty:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "\n".join(rows["note"].unique()), fontsize=6.5, ha="center")
            continue
        taus = shown.set_index("level")["tau_batches"]
        _lines(axes, networks[networks["ablation"] == ablation], "median", taus, metric)
        axes.set_ylabel("naswot score", fontsize=7)
    _caption(
        figure,
        networks,
        catalogue,
        f"Median, lowest and highest score; numbers on the right: {metric.label()}.\n"
        "τ: Kendall tau of the mean scores with those over mini-batches (Figure 5 a).",
    )
    return figure


def _metric(levels: pd.DataFrame) -> Metric:
    keys = levels["accuracy_key"].dropna()
    return ACCURACY if keys.empty else metric_of(keys.iloc[0])


def _boxes(axes: plt.Axes, rows: pd.DataFrame, limits: tuple[float, float], metric: Metric) -> None:
    """Draw one box per network, from the least to the most accurate."""
    rows = rows.sort_values("accuracy", kind="stable")
    foot = limits[0]
    for place, (row, colour) in enumerate(zip(rows.itertuples(), _colours(len(rows)), strict=True)):
        if row.n > row.minus_inf + row.nan:
            stats = {
                "whislo": row.low, "q1": row.q25, "med": row.median, "q3": row.q75,
                "whishi": row.high, "fliers": [],
            }  # fmt: skip
            axes.bxp(
                [stats], [place], widths=0.6, showfliers=False, patch_artist=True,
                boxprops={"facecolor": colour, "linewidth": 0.5},
                medianprops={"color": "black", "linewidth": 1},
                whiskerprops={"linewidth": 0.6}, capprops={"linewidth": 0.6},
            )  # fmt: skip
        _foot(axes, place, foot, row, colour)
    axes.set_ylim(limits)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_xticks(range(len(rows)), [metric.number(value, 1) for value in rows["accuracy"]])
    plain(axes)


def _lines(
    axes: plt.Axes, rows: pd.DataFrame, value: str, taus: pd.Series | None, metric: Metric
) -> None:
    """Draw one line per network over the levels, with its range at each level and its accuracy."""
    levels = list(dict.fromkeys(rows["level"]))
    low, high = ("normalised_low", "normalised_high") if value == "normalised" else ("low", "high")
    finite = rows[np.isfinite(rows[value])]
    limits = _limits(finite, low, high)
    named = list(rows.groupby("index"))
    named.sort(key=lambda one: one[1]["accuracy"].iloc[0])
    ends = []
    for number, ((_, group), colour) in enumerate(zip(named, _colours(len(named)), strict=True)):
        line = group.set_index("level").reindex(levels)
        places = np.arange(len(levels)) + 0.3 * (number / max(len(named) - 1, 1) - 0.5)
        axes.vlines(places, line[low], line[high], color=colour, linewidth=1)
        axes.plot(places, line[value], color=colour, linewidth=0.9, marker="o", markersize=2.5)
        for place, row in zip(places, line.itertuples(), strict=True):
            _foot(axes, place, limits[0], row, colour)
        last = line[value].iloc[-1]
        last = last if np.isfinite(last) else limits[0]
        ends.append((metric.number(group["accuracy"].iloc[0], 1), places[-1], last, colour))
    axes.set_ylim(limits)
    name_at_right(axes, ends, text="black")  # the lightest lines are yellow
    words = [level.replace("_", "\n") for level in levels]
    if taus is not None:
        words = [
            f"{word}\nτ = {taus[level]:.2f}" for word, level in zip(words, levels, strict=True)
        ]
    axes.set_xlim(-0.3, len(levels) - 0.7)
    axes.set_xticks(range(len(levels)), words)
    plain(axes)


def _foot(axes: plt.Axes, place: float, foot: float, row, colour) -> None:
    """Mark scores of −inf at the bottom of the axis, with their number."""
    if row.minus_inf > 0:
        axes.plot(
            place, foot, marker="v", markersize=5, color=colour, markeredgecolor="black",
            markeredgewidth=0.5, clip_on=False, zorder=5,
        )  # fmt: skip
        axes.annotate(
            f"−∞ ({row.minus_inf:.0f})", (place, foot), (0, 5), textcoords="offset points",
            fontsize=6, ha="center",
        )  # fmt: skip


def _limits(rows: pd.DataFrame, low: str = "low", high: str = "high") -> tuple[float, float]:
    """Return an axis's limits, with room at the bottom for scores of −inf."""
    bottom, top = rows[low].min(), rows[high].max()
    if not np.isfinite(bottom):
        return 0.0, 1.0
    margin = 0.06 * (top - bottom) or 1.0
    return bottom - (2.5 if rows["minus_inf"].any() else 1) * margin, top + margin


def _colours(count: int) -> np.ndarray:
    """Return one colour per network, from the least to the most accurate."""
    return plt.get_cmap("viridis_r")(np.linspace(0.02, 0.95, count))


def _title(axes: plt.Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=8)


def _caption(figure: plt.Figure, networks: pd.DataFrame, catalogue: Catalogue, text: str) -> None:
    row = networks.iloc[0]
    place = catalogue.title(row["space"], row["dataset"])
    count = networks["index"].nunique()
    figure.supxlabel(f"{count} networks of {place}. {text}", fontsize=6.5, x=0.01, ha="left")
