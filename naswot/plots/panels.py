"""Draw Figures 3, 9 and 10 of the paper: score against accuracy, a panel per space and data set."""

import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.plots.registry import PANELS, STAND_INS
from naswot.plots.scatter import accuracy_kind, draw, table_and_row
from naswot.spaces import SPACES

COLUMNS = 5
PANEL_INCHES = 1.45, 1.6
LETTERS_PER_INCH = 17  # of the notes below the panels


def panels(
    joined: Sequence[str | Path],
    correlations: pd.DataFrame,
    *,
    figure: str,
    letters: Mapping[str, tuple[str, str]],
    missing: Sequence[str] = (),
) -> plt.Figure:
    """Draw a figure of the paper that has a panel for each space and dataset.

    Args:
        joined: joined table of each panel.
        correlations: kendall_tau.csv.
        figure: its name, such as "figure3".
        letters: letter → (space, data set), from `panels_of`.
        missing: requested spaces that have no data.

    Raises:
        NaswotError: a joined table has no accuracy of its dataset.
    """
    columns = min(COLUMNS, max(len(letters), 1))
    rows = -(-max(len(letters), 1) // columns)
    width, height = PANEL_INCHES
    drawing, grid = plt.subplots(
        rows,
        columns,
        figsize=(max(width * columns, 3.4), height * rows + 0.3),
        layout="constrained",
        squeeze=False,
    )
    for axes in grid.flat[len(letters) :]:
        axes.set_axis_off()
    kinds, score = [], ""
    for axes, path, (letter, (space, dataset)) in zip(
        grid.flat, joined, letters.items(), strict=False
    ):
        table, row = table_and_row(path, correlations, dataset)
        draw(axes, table, row, size=2)
        kinds.append(accuracy_kind(row))
        score = row["score"]
        axes.tick_params(labelsize=6, length=2)
        axes.locator_params(nbins=4)
        names = BUILT_IN.title(space, dataset, "\n")
        if space in STAND_INS.values():
            (own,) = (name for name, other in STAND_INS.items() if other == space)
            # Both titles in one panel: without what a title says in brackets.
            names = f"{SPACES[own].title} by\n{SPACES[space].title.partition(' (')[0]} ¹"
        axes.set_title(
            f"({letter}) {names}\n"
            rf"$\tau$ = {row['tau']:.3f}, n = {row['n']:,}",
            fontsize=6.5,
            linespacing=1.15,
        )
    if letters:
        drawing.supylabel(f"{score}, untrained", fontsize=7)
    fill = partial(
        textwrap.fill, width=int(LETTERS_PER_INCH * drawing.get_figwidth()), break_on_hyphens=False
    )
    notes = map(fill, _below(kinds, figure, missing))
    drawing.supxlabel("\n".join(notes), fontsize=7)
    return drawing


def _below(kinds: Sequence[str], figure: str, missing: Sequence[str]) -> list[str]:
    """Return the notes below all panels: what is drawn, and what is missing."""
    lines = ["accuracy when trained (%)"] if kinds else []
    lines += [f"¹ {kind}" for kind in sorted(set(kinds) - {"accuracy when trained"})]
    own = dict.fromkeys(space for space, _ in PANELS[figure])
    lacking = [SPACES[space].title for space in own if space in missing]
    if lacking:
        name = figure.replace("figure", "Figure ")
        lines += [f"{name}, left out because there is no data: {', '.join(lacking)}"]
    return lines
