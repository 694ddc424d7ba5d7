"""Fig. 3 of the paper: the score of each network against its accuracy when trained."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from naswot.benchmarks.datasets import datasets_of
from naswot.errors import NaswotError
from naswot.files import read_metadata, read_parquet, replacing
from naswot.spaces import get_space

INK = "#1b3a5c"


def scatter_files(
    joined: str | Path,
    correlations: str | Path,
    outputs: Sequence[str | Path],
    *,
    dataset: str,
) -> None:
    """Draw the scatter plot of one dataset into each of `outputs`; suffixes give the formats.

    Args:
        joined: joined table with score and accuracies.
        correlations: kendall_tau.csv; its values stand in the title.
        outputs: e.g. a .png and a .pdf file.
        dataset: whose accuracies are drawn.

    Raises:
        NaswotError: there is no accuracy of this dataset to draw.
    """
    described = read_metadata(joined)
    place = {"space": described["space"], "dataset": dataset, "score": described["score"]}
    rows = pd.read_csv(correlations)
    rows = rows[(rows[list(place)] == pd.Series(place)).all(axis=1)]
    if rows.empty:
        raise NaswotError(
            f"{correlations} has no row for {', '.join(place.values())}: the benchmark table has "
            f"no accuracy on {dataset}. Leave it out of `datasets`."
        )
    about = datasets_of(described["space"])[dataset]
    # The accuracy that most architectures have; of equals, validation as in the paper.
    reported = rows[rows["accuracy"].isin([about.valid, about.test])]
    rows = rows if reported.empty else reported
    row = rows.sort_values("n", ascending=False, kind="stable").iloc[0]
    title = f"{get_space(described['space']).title}, {about.title}"
    figure = scatter(read_parquet(joined), row, title)
    for output in outputs:
        with replacing(output) as temporary:
            figure.savefig(temporary, format=Path(output).suffix[1:], dpi=200)
    plt.close(figure)


def scatter(table: pd.DataFrame, row: pd.Series, title: str) -> plt.Figure:
    """Return the plot of `table["score"]` against `table[row["accuracy"]]`.

    Args:
        table: joined table.
        row: a row of kendall_tau.csv.
        title: of the space and the dataset.
    """
    accuracy, score = table[row["accuracy"]].to_numpy(float), table["score"].to_numpy(float)
    shown = np.isfinite(accuracy) & np.isfinite(score)
    figure, axes = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
    axes.scatter(
        accuracy[shown],
        score[shown],
        s=4,
        color=INK,
        alpha=min(1.0, 0.05 + 300 / max(shown.sum(), 1)),
        linewidths=0,
        rasterized=True,
    )
    predicted = "/surrogate/" in row["accuracy"]
    kind = "accuracy that a surrogate predicts" if predicted else "accuracy when trained"
    axes.set_xlabel(f"{kind} (%)\n{row['accuracy']}", fontsize=8)
    axes.set_ylabel("score of the untrained network", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(
        f"{title}\n"
        rf"$\tau$ = {row['tau']:.3f}  [{row['tau_low']:.3f}, {row['tau_high']:.3f}]",
        fontsize=9,
        pad=16,
    )
    count = f"{row['n']:,} networks"
    if row["minus_inf"]:
        count += f"; {int(row['minus_inf']):,} more score −∞"
    axes.text(0.5, 1.02, count, transform=axes.transAxes, ha="center", va="bottom", fontsize=7)
    return figure
