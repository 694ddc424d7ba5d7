"""Draw comparisons of scores: Figure 4 of the paper, and tau in more detail."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.analysis.comparison import DECILES
from naswot.benchmarks.catalogue import BUILT_IN, Catalogue

COLOURS = ["#1b3a5c", "#d98032", "#5b9aa0", "#b04a5a", "#8a8f3c", "#7b6b9e", "#777777"]
DIVERGING = "RdBu"  # red and blue are distinct with common colour-vision deficiencies
WIDTH = 6.9  # inches, the width of a page's text
PAPERS = ("grad_norm", "synflow", "naswot")  # what Figure 4 of the paper compares


def figure4(comparison: pd.DataFrame, catalogue: Catalogue = BUILT_IN) -> plt.Figure:
    """Draw bars of Kendall tau, one group per space and dataset, one colour per score.

    It shows the scores that the paper compares; if fewer than two of these exist, all scores.
    """
    places, scores = _places(comparison), _scores(comparison)
    asked = [score for score in PAPERS if score in scores]
    scores = asked if len(asked) > 1 else scores
    figure, axes = plt.subplots(figsize=(WIDTH, 2.6), layout="constrained")
    width = 0.8 / len(scores)
    for number, score in enumerate(scores):
        rows = comparison[comparison["score"] == score].set_index(["space", "dataset"])
        rows = rows.reindex(places)
        tau = rows["tau"].to_numpy(float)
        error = np.abs(rows[["tau_low", "tau_high"]].to_numpy(float).T - tau)
        axes.bar(
            np.arange(len(places)) + (number - (len(scores) - 1) / 2) * width,
            tau,
            width * 0.9,
            yerr=error,
            error_kw={"linewidth": 0.7},
            color=COLOURS[number % len(COLOURS)],
            hatch=["", "////", "...."][number // len(COLOURS) % 3],
            label=score,
        )
    axes.axhline(0, color="black", linewidth=0.6)
    titles = [catalogue.title(*place, "\n").replace(" (", "\n(") for place in places]
    axes.set_xticks(range(len(places)), titles, fontsize=7 if len(places) < 6 else 5.5)
    axes.set_ylabel(r"Kendall $\tau$, 95 % interval", fontsize=8)
    axes.tick_params(axis="y", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=min(len(scores), 9), fontsize=7, frameon=False)
    return figure


def tau_heatmap(comparison: pd.DataFrame, catalogue: Catalogue = BUILT_IN) -> plt.Figure:
    """Draw Kendall tau of every score (row) on every space and dataset, with its interval."""
    places, scores = _places(comparison), _scores(comparison)
    rows = comparison.set_index(["score", "space", "dataset"])
    tau = np.full((len(scores), len(places)), np.nan)
    words = np.full(tau.shape, "", dtype=object)
    for i, score in enumerate(scores):
        for j, place in enumerate(places):
            if (score, *place) in rows.index:
                row = rows.loc[(score, *place)]
                tau[i, j] = row["tau"]
                words[i, j] = _interval(row)
    figure, axes = plt.subplots(
        figsize=(1.4 + 1.05 * len(places), 0.8 + 0.34 * len(scores)), layout="constrained"
    )
    titles = [catalogue.title(*place, "\n") for place in places]
    drawn = _matrix(axes, tau, words, scores, titles)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, aspect=30)
    bar.set_label(r"Kendall $\tau$", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    return figure


def score_agreement(agreement: pd.DataFrame, catalogue: Catalogue = BUILT_IN) -> plt.Figure:
    """Draw Spearman's rho between all scores, one matrix per space and data set.

    Of data sets that were scored with the same images, only the first is shown.
    """
    scores = _scores(agreement)
    first: dict[tuple, tuple[str, str]] = {}
    for place, rho in agreement.groupby(["space", "dataset"], sort=False)["spearman"]:
        first.setdefault((place[0], *rho.round(9).fillna(9)), place)
    places = list(first.values())
    columns = min(3, len(places))
    rows = -(-len(places) // columns)
    side = 0.9 + 0.27 * len(scores)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(side * columns + 0.5, side * rows),
        layout="constrained",
        squeeze=False,
    )
    for axes in grid.flat[len(places) :]:
        axes.set_axis_off()
    for axes, (space, dataset) in zip(grid.flat, places, strict=False):
        chosen = agreement[(agreement["space"] == space) & (agreement["dataset"] == dataset)]
        matrix = chosen.pivot(index="score", columns="other", values="spearman")
        matrix = matrix.reindex(index=scores, columns=scores).to_numpy(float)
        words = np.vectorize(lambda v: "" if np.isnan(v) else f"{100 * v:.0f}")(matrix)
        drawn = _matrix(axes, matrix, words, scores, scores)
        axes.tick_params(axis="x", labelrotation=90)
        axes.set_title(catalogue.title(space, dataset), fontsize=8)
    bar = figure.colorbar(drawn, ax=grid, shrink=0.6, aspect=30)
    bar.set_label(r"Spearman's $\rho$ (numbers: in percent)", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    return figure


def tau_by_decile(comparison: pd.DataFrame, catalogue: Catalogue = BUILT_IN) -> plt.Figure:
    """Draw Kendall tau within each tenth of the networks by accuracy.

    There is one panel per space and data set.
    """
    places, scores = _places(comparison), _scores(comparison)
    columns = min(3, len(places))
    rows = -(-len(places) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(max(2.3 * columns, 3.6), 1.9 * rows + 0.5),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for axes in grid.flat[len(places) :]:
        axes.set_axis_off()
    names = [f"tau_decile_{decile}" for decile in range(1, DECILES + 1)]
    for axes, (space, dataset) in zip(grid.flat, places, strict=False):
        chosen = comparison[(comparison["space"] == space) & (comparison["dataset"] == dataset)]
        for number, score in enumerate(scores):
            values = chosen.loc[chosen["score"] == score, names].to_numpy(float)
            axes.plot(
                range(1, DECILES + 1),
                values[0] if len(values) else np.full(DECILES, np.nan),
                color=COLOURS[number % len(COLOURS)],
                linestyle=["-", "--", ":"][number // len(COLOURS) % 3],
                linewidth=1.6 if number == 0 else 0.9,
                label=score,
            )
        axes.axhline(0, color="black", linewidth=0.5)
        axes.set_title(catalogue.title(space, dataset), fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("tenth of the networks by accuracy, 10 = best", fontsize=8)
    figure.supylabel(r"Kendall $\tau$ within the tenth", fontsize=8)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=min(len(scores), 6), fontsize=7,
        frameon=False,
    )  # fmt: skip
    return figure


def _places(comparison: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(comparison["space"], comparison["dataset"], strict=True)))


def _scores(comparison: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(comparison["score"]))


def _interval(row: pd.Series) -> str:
    """Return tau and the longer side of its interval, such as ".59 ± .01"."""
    half = max(row["tau_high"] - row["tau"], row["tau"] - row["tau_low"])
    if not np.isfinite(half):
        return ""
    tau = f"{row['tau'] + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")
    return f"{tau} ± {half:.2f}".replace("0.", ".")


def _matrix(axes, values, words, rows, columns):
    """Draw a matrix of correlations with a text in each cell; return the image."""
    drawn = axes.imshow(values, cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, fontsize=6.5)
    axes.set_yticks(range(len(rows)), rows, fontsize=6.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for i, j in np.ndindex(values.shape):
        dark = abs(values[i, j]) > 0.65
        axes.text(
            j, i, words[i, j], ha="center", va="center", fontsize=6,
            color="white" if dark else "black",
        )  # fmt: skip
    return drawn
