"""Draw Figure 7 of the paper: accuracy found on NAS-Bench-201 against search time."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from naswot.benchmarks.datasets import TITLES, Dataset
from naswot.plots.comparison import WIDTH
from naswot.plots.methods import AXES, stacked, style_of, write_names
from naswot.plots.spacing import spread

SPACE = "nasbench201"
# Family → marker and its name in the legend.
FAMILIES: Mapping[str, tuple[str, str]] = {
    "training-free": ("o", "uses a training-free score"),
    "non-weight-sharing": ("s", "trains each candidate"),
    "weight-sharing": ("D", "shares weights"),
}
SPLITS = {"test": "test", "valid": "validation"}
SAME_TIME = 0.1  # difference in log10 of the seconds up to which searches count as equally long
SLOT = 0.065  # inches between markers


def figure7(table: pd.DataFrame) -> plt.Figure:
    """Draw the accuracy that searches found on NAS-Bench-201 against their time.

    There is one panel per data set. It shows test accuracies, or validation accuracies if no
    measured row has a test accuracy; never both.

    Args:
        table: the content of table2.csv.
    """
    table = table[(table["benchmark"] == SPACE) & (table["search_seconds"] > 0)]
    # If a method ran among the scored architectures and in the whole space, the latter is shown.
    table = table.drop_duplicates(["method", "source"], keep="last")
    parts = table["method"].str.extract(r"^(?P<name>.*?)(?: \(N=(?P<size>\d+)\))?$")
    table = table.assign(title=parts["name"], size=parts["size"].astype(float))
    panels = {}
    for dataset in _datasets(table):
        split = _split(table, dataset)
        mean, std = (table[f"{dataset}_{split}_{name}"] for name in ("mean", "std"))
        panels[dataset, split] = table.assign(accuracy=mean, spread=std.fillna(0))
    figure, grid = stacked(len(panels), 0.55, 0.2, _notes(panels))
    limits = _times(table)
    for axes, ((dataset, split), rows) in zip(grid, panels.items(), strict=True):
        axes.set_xlim(*limits)
        _panel(axes, rows[rows["accuracy"].notna()])
        axes.set_ylabel(f"{TITLES[dataset]}\n{SPLITS[split]} accuracy (%)", fontsize=7)
    figure.align_ylabels()
    grid[-1].set_xlabel("search time of one run (s)", fontsize=7)
    _legend(figure, set(table["family"]))
    return figure


def _times(table: pd.DataFrame) -> tuple[float, float]:
    """Return limits of the time axis in seconds, with room beside the longest search."""
    time = np.log10(table["search_seconds"])
    low, high = time.min() - 0.3, time.max()
    beside = table.loc[time > high - SAME_TIME, "title"].nunique() / 2
    return 10**low, 10 ** (high + 0.2 + beside * SLOT * (high - low + 1) / AXES)


def _datasets(table: pd.DataFrame) -> list[str]:
    """Return the data sets that have measurements; all data sets if none has."""
    known = table[table["source"] == "measured"].notna().any()
    named = [dataset for dataset in TITLES if f"{dataset}_test_mean" in table]
    found = [name for name in named if known[[f"{name}_{split}_mean" for split in SPLITS]].any()]
    return found or named


def _split(table: pd.DataFrame, dataset: str) -> str:
    """Return the split to show: test, unless more rows have a validation accuracy."""
    measured = table[table["source"] == "measured"]
    counts = {split: measured[f"{dataset}_{split}_mean"].count() for split in SPLITS}
    return Dataset(dataset, "valid", "test").reported(counts, "test") or "test"


def _panel(axes: plt.Axes, rows: pd.DataFrame) -> None:
    low, high = _limits(rows)
    axes.set_ylim(low, high)
    single = rows[rows["size"].isna()]
    _series(axes, rows[rows["size"].notna()])
    _points(axes, single[single["accuracy"] >= low])
    _below(axes, single[single["accuracy"] < low])


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return limits of the accuracies; low outliers of weight sharing are not included."""
    shown = rows[rows["family"] != "weight-sharing"]
    shown = rows if shown.empty else shown
    low = (shown["accuracy"] - shown["spread"]).min()
    high = (shown["accuracy"] + shown["spread"]).max()
    margin = max(0.06 * (high - low), 0.01)
    return low - 2 * margin, high + margin  # the lower edge has text


def _series(axes: plt.Axes, rows: pd.DataFrame) -> None:
    """Draw a method with several sample sizes as a line."""
    measured = set(rows.loc[rows["source"] == "measured", "title"])
    for (title, source), part in rows.sort_values("size").groupby(["title", "source"]):
        line = (1.4, "-") if source == "measured" else (0.8, (0, (4, 2)))
        axes.plot(
            part["search_seconds"], part["accuracy"], color=style_of(title)[0], zorder=2,
            linewidth=line[0], linestyle=line[1],
        )  # fmt: skip
        _mark(axes, part["search_seconds"], part)
        if source == "published" and title in measured:
            continue  # the label of the line names it
        for row in part.itertuples():
            axes.annotate(
                f"{title}\nN = {row.size:,.0f}",
                (row.search_seconds, row.accuracy + row.spread),
                (0, 1.5),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=6,
                color=style_of(title)[0],
                linespacing=1.1,
            )


def _points(axes: plt.Axes, rows: pd.DataFrame) -> None:
    """Draw single searches with names on the right; equally long searches are side by side."""
    if rows.empty:
        return
    rows = rows.sort_values("source")  # measured rows first
    slots = _slots(axes, rows)
    for source in ("published", "measured"):
        part = rows[rows["source"] == source]
        _mark(axes, slots[part.index], part)
    named = rows.drop_duplicates("title")  # one name for both, with a line to the measured marker
    write_names(axes, zip(named["title"], slots[named.index], named["accuracy"], strict=True))


def _slots(axes: plt.Axes, rows: pd.DataFrame) -> pd.Series:
    """Return the seconds at which to draw each row, so that markers do not overlap.

    The measured and the published row of a method have one position if they took equally long.
    Different methods that took equally long are side by side below a bracket, the best at the left.
    """
    time = np.log10(rows["search_seconds"])
    first = time.groupby(rows["title"]).transform("first")
    key = rows["title"].where((time - first).abs() < SAME_TIME, rows["title"] + rows["source"])
    wanted = time.groupby(key, sort=False).mean()
    length = _lengths(wanted)
    order = np.lexsort((-rows["accuracy"].groupby(key, sort=False).first(), length))
    wanted, length = wanted.iloc[order], length.iloc[order]
    gap = _decades(axes, SLOT)
    places = pd.Series(spread(wanted.to_numpy(), gap), wanted.index)
    for _, group in places.groupby(length):
        if len(group) > 2:
            seconds = float(f"{10 ** wanted[group.index].mean():.2g}")
            _bracket(axes, group.iloc[0] - gap / 2, group.iloc[-1] + gap / 2, seconds)
    return 10 ** key.map(places)


def _lengths(times: pd.Series) -> pd.Series:
    """Return the shortest time of each group of times within `SAME_TIME`."""
    start, found = -np.inf, {}
    for time in np.sort(times):
        start = time if time > start + SAME_TIME else start
        found[time] = start
    return times.map(found)


def _decades(axes: plt.Axes, inches: float) -> float:
    low, high = np.log10(axes.get_xlim())
    return inches * (high - low) / AXES


def _bracket(axes: plt.Axes, low: float, high: float, seconds: float) -> None:
    """Draw a bracket over searches that are side by side, with their common time."""
    edge = axes.get_xaxis_transform()
    ends = 10 ** np.array([low, low, high, high])
    axes.plot(ends, [1.0, 1.02, 1.02, 1.0], "k", transform=edge, linewidth=0.5, clip_on=False)
    axes.text(
        10 ** ((low + high) / 2), 1.03, f"all ≈ {seconds:,.0f} s", transform=edge, fontsize=6,
        ha="center", va="bottom",
    )  # fmt: skip


def _below(axes: plt.Axes, rows: pd.DataFrame) -> None:
    """Draw rows below the lower limit at the edge, each with its accuracy."""
    if rows.empty:
        return
    rows = rows.sort_values("search_seconds")
    wanted = np.log10(rows["search_seconds"].to_numpy())
    edge = axes.get_xaxis_transform()
    for row, place in zip(
        rows.itertuples(), spread(wanted, _decades(axes, 1.6 * SLOT)), strict=True
    ):
        colour = style_of(row.title)[0]
        axes.plot(
            10**place, 0.03, "v", transform=edge, color=colour, markersize=4,
            markerfacecolor=_fill(row), markeredgewidth=0.8, clip_on=False,
        )  # fmt: skip
        axes.annotate(
            f"{row.title} {row.accuracy:.1f}", (10**place, 0.03), (0, 4), xycoords=edge,
            textcoords="offset points", rotation=90, ha="center", va="bottom", fontsize=6,
            color=colour,
        )  # fmt: skip


def _mark(axes: plt.Axes, seconds: pd.Series, rows: pd.DataFrame) -> None:
    """Draw means and standard deviations: filled and thin if measured, hollow and pale if not."""
    for place, row in zip(seconds, rows.itertuples(), strict=True):
        measured, colour = row.source == "measured", style_of(row.title)[0]
        axes.errorbar(
            place, row.accuracy, row.spread, color=colour, linestyle="", zorder=1,
            elinewidth=0.7 if measured else 2.4, alpha=1 if measured else 0.25,
        )  # fmt: skip
        axes.plot(
            place, row.accuracy, FAMILIES[row.family][0], color=colour, zorder=3,
            markersize=2.8 if measured else 5, markerfacecolor=_fill(row), markeredgewidth=0.8,
        )  # fmt: skip


def _fill(row) -> str:
    return style_of(row.title)[0] if row.source == "measured" else "none"


def _legend(figure: plt.Figure, families: set[str]) -> None:
    def entry(marker: str, label: str, filled: bool = True, size: float = 4) -> Line2D:
        return Line2D(
            [], [], color="#444444", marker=marker, linestyle="", markersize=size, label=label,
            markerfacecolor="#444444" if filled else "none", markeredgewidth=0.8,
        )  # fmt: skip

    handles = [
        entry("o", "measured here (thin bar)", size=3),
        entry("o", "published (wide, pale bar; dashed line)", filled=False, size=5),
        *(entry(*FAMILIES[family]) for family in FAMILIES if family in families),
        entry("v", "below the axis, with its accuracy", filled=False),
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.05 / WIDTH, 1), ncols=3, fontsize=6.5,
        frameon=False, handletextpad=0.1, columnspacing=1.2,
    )  # fmt: skip


def _notes(panels: Mapping[tuple[str, str], pd.DataFrame]) -> list[str]:
    """Return the notes that are needed to compare the numbers."""
    lines = [
        "Mean and standard deviation over runs. Searches of one length stand side by side, the "
        "best on the left.",
        "Published: Mellor et al. (2021), timed on a GTX 1080 Ti; weight sharing in 3 runs.",
        "Measured: a training takes the time that the benchmark recorded, a score the time it took "
        "here.",
    ]
    about: dict[str, dict[str, None]] = {}
    first = next(iter(panels.values()))
    for row in first[first["source"] == "measured"].itertuples():
        for note in str(row.note).split("; "):
            if note.startswith(("scored on", "drawn from a random pool", "fitness and cost")):
                about.setdefault(note, {})[row.title] = None
    lines += [
        f"{', '.join(titles) if len(titles) < 5 else 'All that train'}: {note}."
        for note, titles in about.items()
    ]
    lacking: dict[str, dict[str, None]] = {}
    for (_, split), rows in panels.items():
        for row in rows[rows["accuracy"].isna()].itertuples():
            lacking.setdefault(split, {})[f"{row.title} ({row.source})"] = None
    lines += [
        f"Left out because there is no {SPLITS[split]} accuracy: {', '.join(names)}."
        for split, names in lacking.items()
    ]
    return lines
