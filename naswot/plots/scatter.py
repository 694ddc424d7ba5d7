"""Draw one scatter plot: the score of each network against its accuracy after training."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.analysis.comparison import reported_key
from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.metrics import metric_of
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet
from naswot.plots.palette import INK

LONG_TITLE = 40  # letters


def scatter(
    joined: str | Path,
    correlations: pd.DataFrame,
    *,
    dataset: str,
    catalogue: Catalogue = BUILT_IN,
) -> plt.Figure:
    """Draw the scatter plot of one dataset.

    Args:
        joined: joined table with score and accuracies.
        correlations: kendall_tau.csv; its values are in the title.
        dataset: the data set of the accuracies.
        catalogue: the search spaces of the run.

    Raises:
        NaswotError: there is no accuracy of this dataset to draw.
    """
    table, row = table_and_row(joined, correlations, dataset, catalogue)
    figure, axes = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
    draw(axes, table, row)
    metric = metric_of(row["accuracy"])
    unit = f" ({metric.unit})" if metric.unit else ""
    axes.set_xlabel(f"{accuracy_kind(row)}{unit}\n{row['accuracy']}", fontsize=8)
    axes.set_ylabel(f"{row['score']} of the untrained network", fontsize=8)
    axes.tick_params(labelsize=7)
    title = catalogue.title(row["space"], row["dataset"])
    axes.set_title(
        f"{title}\n"
        rf"$\tau$ = {row['tau']:.3f}  [{row['tau_low']:.3f}, {row['tau_high']:.3f}]",
        fontsize=9 if len(title) <= LONG_TITLE else 7.5,
        pad=16,
    )
    count = f"{row['n']:,} networks"
    if row["minus_inf"]:
        count += f"; {int(row['minus_inf']):,} more score −∞"
    axes.text(0.5, 1.02, count, transform=axes.transAxes, ha="center", va="bottom", fontsize=7)
    return figure


def table_and_row(
    joined: str | Path,
    correlations: pd.DataFrame,
    dataset: str,
    catalogue: Catalogue = BUILT_IN,
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the data of a plot of a joined table on `dataset`, and its row of kendall_tau.csv.

    Returns:
        A table with the columns `score` and the accuracy named by `row["accuracy"]`; the row.

    Raises:
        NaswotError: there is no accuracy of this dataset.
    """
    described = read_metadata(joined)
    place = {"space": described["space"], "dataset": dataset, "score": described["score"]}
    rows = correlations[(correlations[list(place)] == pd.Series(place)).all(axis=1)]
    if rows.empty:
        raise NaswotError(
            f"kendall_tau.csv has no row for {', '.join(place.values())}: the benchmark table has "
            f"no accuracy on {dataset}. Leave it out of `datasets`."
        )
    key = reported_key(rows, catalogue[described["space"]].datasets[dataset])
    row = rows[rows["accuracy"] == key].iloc[0]
    return read_parquet(joined, ["score", row["accuracy"]]), row


def draw(axes: plt.Axes, table: pd.DataFrame, row: pd.Series, size: float = 4) -> None:
    """Draw score against accuracy where both are finite, with markers of area `size` in points²."""
    accuracy, score = table[row["accuracy"]].to_numpy(float), table["score"].to_numpy(float)
    shown = np.isfinite(accuracy) & np.isfinite(score)
    axes.scatter(
        accuracy[shown],
        score[shown],
        s=size,
        color=INK,
        alpha=min(1.0, 0.05 + 300 / max(shown.sum(), 1)),
        linewidths=0,
        rasterized=True,
    )
    axes.spines[["top", "right"]].set_visible(False)


def accuracy_kind(row: pd.Series) -> str:
    """Return the kind of the row's accuracy in words, without its unit."""
    predicted = "/surrogate/" in row["accuracy"]
    name = metric_of(row["accuracy"]).title
    return f"{name} that a surrogate predicts" if predicted else f"{name} when trained"
