"""Draw the variance components of a score, and the stability of its ranking."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.plots.comparison import COLOURS, WIDTH
from naswot.plots.spacing import name_at_right, plain

NAVY, ORANGE, TEAL = COLOURS[:3]
POPULATIONS = {"all": (NAVY, "o"), "better half": (ORANGE, "s")}
REPEATED = {"mini-batches": (TEAL, "s"), "initialisations": (ORANGE, "^"), "both": (NAVY, "o")}


def variance(
    components: pd.DataFrame,
    stability: pd.DataFrame,
    catalogue: Catalogue = BUILT_IN,
) -> plt.Figure:
    """Draw each component's standard deviation, and Kendall tau against the number of repeats.

    Args:
        components, stability: the content of variance_components.csv and rank_stability.csv.
        catalogue: the search spaces of the run.
    """
    figure = plt.figure(figsize=(WIDTH, 5.4), layout="constrained")
    if components.empty:
        figure.text(0.5, 0.5, "Fewer than two networks have finite scores.", ha="center")
        return figure
    grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.15))
    top, bottom = grid[0], grid[1].subgridspec(1, 2)
    _components(figure.add_subplot(top), components)
    populations = list(dict.fromkeys(stability["population"]))
    lowest = np.nanmin([*stability["tau_low"], stability["tau_predicted"].min(), 0.95])
    for number, (letter, population) in enumerate(zip("bc", populations, strict=False)):
        axes = figure.add_subplot(bottom[number])
        _stability(axes, stability[stability["population"] == population], lowest)
        axes.set_title(f"({letter}) stability of the ranking: {population}", loc="left", fontsize=8)
        axes.set_ylabel("Kendall τ of two averages", fontsize=7)
    row = components.iloc[0]
    place = catalogue.title(row["space"], row["dataset"])
    lines = (
        f"{row['architectures']} random networks of {place} × {row['batches']} mini-batches of "
        f"{row['images']} × {row['initialisations']} initialisations.",
        f"Left out because a score is −∞ or NaN: {row['excluded']}. Bars: 95 % intervals, "
        "bootstrap over networks.",
        "(b, c): markers: measured; lines: what the components predict, were scores normal.",
    )
    figure.supxlabel("\n".join(lines), fontsize=6.5, x=0.01, ha="left")
    return figure


def _components(axes: plt.Axes, components: pd.DataFrame) -> None:
    names = list(dict.fromkeys(components["component"]))
    populations = list(dict.fromkeys(components["population"]))
    positive = components.loc[components["std"] > 0, "std"]
    if positive.empty:
        positive = pd.Series([1.0])
    least, most = positive.min() / 2.5, components["std_high"].max() * 1.6
    for number, population in enumerate(populations):
        rows = components[components["population"] == population].set_index("component")
        colour, marker = POPULATIONS[population]
        places = np.arange(len(names)) + 0.32 * (number - (len(populations) - 1) / 2)
        for place, name in zip(places, names, strict=True):
            row = rows.loc[name]
            seen = row["std"] > 0
            axes.plot(
                [max(row["std_low"], least), max(row["std_high"], least)], [place] * 2,
                color=colour, linewidth=1,
            )  # fmt: skip
            axes.plot(
                row["std"] if seen else least, place, color=colour, markersize=4,
                marker=marker if seen else "<", clip_on=False,
            )  # fmt: skip
            axes.annotate(
                f"{100 * row['share']:.3f} %", (1, names.index(name)), (44 + 52 * number, 0),
                va="center", ha="right", fontsize=6.5, xycoords=("axes fraction", "data"),
                textcoords="offset points", color=colour,
            )  # fmt: skip
        axes.annotate(
            f"{population}\nn = {rows['architectures'].iloc[0]}", (1, -0.6), (44 + 52 * number, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=6.5,
            color=colour, va="bottom", ha="right", annotation_clip=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.10g}")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("standard deviation (units of the score; ◂: estimated at zero)", fontsize=7)
    axes.set_title("(a) what varies a score, and its share of the variance", loc="left", fontsize=8)
    plain(axes, "x")


def _stability(axes: plt.Axes, rows: pd.DataFrame, lowest: float) -> None:
    ends = []
    for repeated, (colour, marker) in REPEATED.items():
        line = rows[rows["repeated"] == repeated]
        axes.plot(line["repeats"], line["tau_predicted"], color=colour, linewidth=0.9)
        measured = line[line["tau"].notna()]
        shift = {"mini-batches": 0.95, "initialisations": 1.0, "both": 1.05}[repeated]
        axes.errorbar(
            measured["repeats"] * shift, measured["tau"],
            _bars(measured, "tau"), fmt=marker, color=colour, markersize=3.5, linewidth=0.8,
        )  # fmt: skip
        last = line.iloc[-1]
        ends.append((f"repeat {repeated}", last["repeats"], last["tau_predicted"], colour))
    line = rows[(rows["repeated"] == "both") & rows["tau_accuracy"].notna()]
    if not line.empty:  # where all accuracies are equal, there is no tau
        words = ["τ with accuracy", *map(_accuracy, line.iloc[[0, -1]].itertuples())]
        axes.text(
            0.98, 0.02, "\n".join(words),
            transform=axes.transAxes, ha="right", va="bottom", fontsize=6.5,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.85, rows["repeats"].max() * 1.1)
    ticks = sorted(rows["repeats"].unique())
    axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("scores averaged for a network", fontsize=7)
    axes.set_ylim(lowest - 0.3 * (1 - lowest), 1.0)
    name_at_right(axes, ends)
    plain(axes, "y")


def _accuracy(row) -> str:
    repeats = "a single score" if row.repeats == 1 else f"averages of {row.repeats}"
    interval = f"[{row.tau_accuracy_low:.2f}, {row.tau_accuracy_high:.2f}]"
    return f"of {repeats}: {row.tau_accuracy:.2f} {interval}".replace("-", "−")


def _bars(rows: pd.DataFrame, name: str) -> np.ndarray:
    """Return the lengths of the interval below and above the value, (2, n), at least zero."""
    value = rows[name].to_numpy()
    reach = value - rows[f"{name}_low"].to_numpy(), rows[f"{name}_high"].to_numpy() - value
    return np.maximum(reach, 0.0)
