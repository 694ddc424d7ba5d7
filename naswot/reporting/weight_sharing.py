"""Say in a page what searches with shared weights found, and what that cannot show."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

FEW = 5  # runs


def sharing_page(
    table: pd.DataFrame, abouts: Mapping[str, Mapping[str, Any]], key: str, everyone: np.ndarray
) -> str:
    """Return the page as Markdown.

    Args:
        table: the content of weight_sharing.csv.
        abouts: search → metadata of its first run.
        key: the accuracy by which cells are compared.
        everyone: that accuracy of all cells, in percent.
    """
    first = next(iter(abouts.values()))
    middle = np.nanpercentile(everyone, [25, 50, 75])
    lines = [
        "# Methods that share weights, on NAS-Bench-201",
        "",
        f"- Images: {first['train_images']:,} of {first['images']}, {first['image_size']} pixels "
        f"wide, train the shared weights; {first['valid_images']:,} choose architectures.",
        f"- A cell's accuracy is `{key}` of the benchmark, in percent. Of all cells the mean is "
        f"{np.nanmean(everyone):.2f}, the median {middle[1]:.2f}, the quartiles {middle[0]:.2f} "
        f"and {middle[2]:.2f}.",
        "- tau: Kendall tau of random cells' accuracy with shared weights and after training.",
        "",
        "| search | runs | accuracy: mean ± standard deviation | each run | tau of each run | "
        "seconds a run |",
        "|---|---:|---|---|---|---:|",
        *(_row(group) for _, group in table.groupby("search", sort=False)),
        "",
        "What differs from the published searches:",
        "",
        *_differences(abouts),
        "",
        "What this cannot say:",
        "",
        *(f"- {line}" for line in _limits(table, abouts)),
    ]
    return "\n".join(lines) + "\n"


def _row(group: pd.DataFrame) -> str:
    values = group["accuracy"].dropna()
    spread = f" ± {values.std():.2f}" if len(values) > 1 else ""
    mean = f"{values.mean():.2f}{spread}" if len(values) else "–"
    each = ", ".join("diverged" if np.isnan(x) else f"{x:.2f}" for x in group["accuracy"])
    taus = ", ".join("–" if np.isnan(x) else f"{x:.2f}" for x in group["tau"])
    title, seconds = group["title"].iloc[0], group["seconds"].mean()
    return f"| {title} | {len(group)} | {mean} | {each} | {taus} | {seconds:,.0f} |"


def _differences(abouts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for about in abouts.values():
        listed = "; ".join(about["differences"]) or "nothing in the settings"
        yield f"- **{about['title']}**: {listed}."


def _limits(table: pd.DataFrame, abouts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    runs = int(table.groupby("search").size().max())
    if runs <= FEW:
        yield (
            f"{runs} run{'s' if runs > 1 else ''} of a search tell{'' if runs > 1 else 's'} little "
            "about other runs: the true spread may be much larger than the one shown."
        )
    if any(about["protocol"] == "reduced" for about in abouts.values()):
        yield (
            "Reduced searches have smaller networks, fewer images and fewer steps. They show what "
            "the methods do, and are not the published results again."
        )
    lost = int(table["accuracy"].isna().sum())
    if lost:
        yield f"{lost} of {len(table)} searches diverged; they have no accuracy and are left out."
