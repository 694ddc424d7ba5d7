"""Draw Figure 1 of the paper: kernels of untrained networks, from worst to best accuracy."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from naswot.analysis.similarity import HIGH
from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.metrics import ACCURACY, Metric, metric_of
from naswot.plots.palette import INK
from naswot.plots.registry import STAND_INS
from naswot.plots.scatter import accuracy_kind
from naswot.tables.kernels import Kernels, read_kernels

COLOURS = "magma_r"
LOWEST, LARGEST = 0.5, 1.0  # similarity of two random codes; of the diagonal
# Inches. A block has a head, matrices with a label below each, and a strip of medians.
WIDTH = 6.9  # width of a page's text
LEFT, RIGHT, BETWEEN_BANDS, BETWEEN = 0.42, 0.06, 0.14, 0.05
HEAD, LABEL, STRIP, STRIP_AXES, FOOT = 0.6, 0.15, 0.93, 0.52, 0.62
NARROWEST = 0.54  # minimum width of a matrix, so that its label fits


def figure1(
    kernels: Sequence[str | Path],
    similarity: pd.DataFrame,
    *,
    shown: int,
    catalogue: Catalogue = BUILT_IN,
) -> plt.Figure:
    """Draw Figure 1.

    Args:
        kernels: files of `naswot.stages.kernels.compute_kernels`, one block each, from the top.
        similarity: kernel_similarity.csv.
        shown: number of networks to draw of each band, the first ones in the file.
        catalogue: the search spaces of the run.
    """
    blocks = [read_kernels(path) for path in kernels]
    rows = similarity.set_index(["space", "dataset"])
    heights = [_block_height(block, shown) for block in blocks]
    figure = plt.figure(figsize=(WIDTH, sum(heights) + FOOT))
    spaces = {block.about["space"] for block in blocks}
    kinds: list[str] = []
    for number, block in enumerate(blocks):
        place = block.about["space"], block.about["dataset"]
        high = rows.loc[[place]]
        high = high[high["statistic"] == HIGH].set_index("band")
        kind = accuracy_kind(high.iloc[0])
        if kind not in ("accuracy when trained", *kinds):
            kinds.append(kind)
        mark = f" {'¹²³'[kinds.index(kind)]}" if kind in kinds else ""
        top = sum(heights[number:]) + FOOT
        _draw_block(figure, block, high, shown, top, _title(block, spaces, catalogue) + mark)
    notes = [f"{'¹²³'[number]} {kind}" for number, kind in enumerate(kinds)]
    metrics = {metric_of(block.about["accuracy"]): None for block in blocks} or {ACCURACY: None}
    _draw_foot(figure, " or ".join(map(_in_words, metrics)), notes)
    return figure


def _grid(bands: int, shown: int) -> tuple[int, int, float]:
    """Return the numbers of rows and columns of a band's matrices, and their side in inches."""
    columns = int(np.sqrt(shown))
    while True:
        gaps = (bands - 1) * BETWEEN_BANDS + bands * (columns - 1) * BETWEEN
        side = (WIDTH - LEFT - RIGHT - gaps) / (bands * columns)
        if side >= NARROWEST or columns == 1:
            return -(-shown // columns), columns, side
        columns -= 1


def _block_height(block: Kernels, shown: int) -> float:
    rows, _, side = _grid(len(block.band_low), shown)
    return HEAD + rows * (side + LABEL) + STRIP


def _draw_block(
    figure: plt.Figure, block: Kernels, table: pd.DataFrame, shown: int, top: float, title: str
) -> None:
    """Draw the matrices of a space, band by band, and below them the shares of similar pairs.

    `table` holds the rows of kernel_similarity.csv of one statistic, by band.
    """
    bands = len(block.band_low)
    rows, columns, side = _grid(bands, shown)
    width = columns * side + (columns - 1) * BETWEEN
    about, count = block.about, len(block.order)
    images = f"{count} images ({about['images']}, {about['image_size']} × {about['image_size']})"
    _write(figure, LEFT, top - 0.16, title, fontsize=8.5, weight="bold")
    _write(
        figure,
        WIDTH - RIGHT,
        top - 0.16,
        f"{about['accuracy']}; {images}",
        ha="right",
        fontsize=6.5,
    )
    metric = metric_of(about["accuracy"])
    lefts = [LEFT + band * (width + BETWEEN_BANDS) for band in range(bands)]
    for band, left in enumerate(lefts):
        row = table.loc[str(band + 1)]
        which = {0: "worst: ", bands - 1: "best: "}.get(band, "")
        low, high = (metric.number(end[band], 1) for end in (block.band_low, block.band_high))
        accuracies = f"{low}–{high} {metric.unit}".rstrip()
        _write(figure, left + width / 2, top - 0.37, which + accuracies, fontsize=7.5, ha="center")
        drawn = f"{(block.band == band).sum()} of {block.band_size[band]:,}"
        drawn += f", {row['minus_inf']} with −∞" if row["minus_inf"] else ""
        drawn += f", {row['nan']} with NaN" if row["nan"] else ""
        _write(figure, left + width / 2, top - 0.51, drawn, fontsize=6.5, ha="center")
        chosen = np.flatnonzero(block.band == band)[:shown]
        for number, network in enumerate(chosen[np.argsort(block.score[chosen], kind="stable")]):
            down, along = divmod(number, columns)
            bottom = top - HEAD - down * (side + LABEL) - side
            axes = _axes(figure, left + along * (side + BETWEEN), bottom, side, side)
            _draw_matrix(axes, block, network)
    bottom = top - HEAD - rows * (side + LABEL) - 0.27 - STRIP_AXES
    strip = _axes(figure, LEFT, bottom, WIDTH - RIGHT - LEFT, STRIP_AXES)
    smallest = 100 / block.pairs.shape[1]
    _draw_strip(strip, table, [left + width / 2 - LEFT for left in lefts], smallest)


def _draw_matrix(axes: Axes, block: Kernels, network: int) -> None:
    axes.imshow(
        block.matrix(network)[np.ix_(block.order, block.order)],
        cmap=COLOURS,
        vmin=LOWEST,
        vmax=LARGEST,
        interpolation="auto",  # a pixel that covers several pairs shows their mean
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_linewidth(0.4)
    score = f"{block.score[network]:.0f}".replace("-inf", "−∞").replace("nan", "NaN")
    accuracy = metric_of(block.about["accuracy"]).number(block.accuracy[network], 1)
    axes.set_xlabel(f"{accuracy}, {score}", fontsize=6.5, labelpad=1.5)


def _draw_strip(axes: Axes, table: pd.DataFrame, centres: Sequence[float], smallest: float) -> None:
    """Draw the median and the quartiles of each band at `centres`, in inches.

    The axis is logarithmic above `smallest`, one pair in percent of all.
    """
    percent = 100 * table[["median", "q25", "q75"]].iloc[: len(centres)].to_numpy(float)
    median, low, high = percent.T
    axes.errorbar(
        centres,
        median,
        yerr=(median - low, high - median),
        fmt="o-",
        color=INK,
        markersize=3,
        linewidth=0.8,
        capsize=2,
        clip_on=False,
    )
    for centre, value in zip(centres, median, strict=True):
        axes.annotate(
            f"{value:#.2g} %",
            (centre, value),
            (6, 2),
            textcoords="offset points",
            fontsize=6.5,
            annotation_clip=False,
        )
    axes.set_xlim(0, WIDTH - RIGHT - LEFT)
    axes.set_yscale("symlog", linthresh=smallest, linscale=0.3)
    axes.set_yticks([], minor=True)
    top = next((limit for limit in (1, 10, 100) if limit >= np.nanmax([0, *high])), 100)
    ticks = [0, *(tick for tick in (0.1, 1, 10, 100) if 3 * smallest < tick <= top)]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(0, top)
    axes.set_xticks([])
    axes.tick_params(labelsize=6.5, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    threshold, tau, low, high = table.loc["all", ["threshold", "tau", "tau_low", "tau_high"]]
    words = (
        f"pairs of images with similarity {threshold:.2f} or more, of the networks measured: "
        rf"median and quartiles; $\tau$ with accuracy {tau:.2f} [{low:.2f}, {high:.2f}]"
    )
    words = words.replace("-", "−").replace("nan", "—")
    axes.set_title(words, fontsize=6.5, loc="left", pad=8)


def _in_words(metric: Metric) -> str:
    return f"{metric.title} in percent" if metric.unit == "%" else metric.title


def _draw_foot(figure: plt.Figure, metrics: str, notes: Sequence[str]) -> None:
    """Draw the colour scale and an explanation."""
    bar = _axes(figure, WIDTH - RIGHT - 1.75, 0.33, 1.6, 0.09)
    scale = ScalarMappable(Normalize(LOWEST, LARGEST), COLOURS)
    figure.colorbar(scale, cax=bar, orientation="horizontal", extend="min")
    bar.set_title(r"similarity $K_H / N_A$, clipped below .5", fontsize=6.5, pad=3)
    bar.tick_params(labelsize=6.5, length=2)
    lines = [
        f"Below each matrix: {metrics}, score. Networks are drawn at random, those at",
        "chance accuracy and those that score −∞ (singular $K_H$) included, and sorted by score",
        "within a band. Images are in one order for all of a space, similar ones side by side.",
        *notes,
    ]
    _write(figure, LEFT, FOOT - 0.06, "\n".join(lines), fontsize=6.5, va="top", linespacing=1.25)


def _axes(figure: plt.Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes at a position in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def _write(figure: plt.Figure, across: float, up: float, text: str, **style) -> None:
    """Write a text at a position in inches."""
    width, height = figure.get_size_inches()
    figure.text(across / width, up / height, text, **style)


def _title(block: Kernels, spaces: set[str], catalogue: Catalogue) -> str:
    """Return the titles of space and data set, and of the space that this one replaces, if any."""
    space, dataset = block.about["space"], block.about["dataset"]
    title = catalogue.title(space, dataset)
    absent = [own for own, other in STAND_INS.items() if other == space and own not in spaces]
    return title + "".join(f", for {catalogue[own].space.title}" for own in absent)
