"""Figures 3, 9 and 10 of the paper: scores against accuracies, a panel a space and dataset."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from naswot.plots.layout import PANELS, STAND_INS
from naswot.plots.scatter import accuracy_kind, draw, save, table_and_row, title
from naswot.spaces import get_space

COLUMNS = 5
PANEL_INCHES = 1.45, 1.6


def panel_files(
    joined: Sequence[str | Path],
    correlations: str | Path,
    outputs: Sequence[str | Path],
    *,
    figure: int,
    panels: Mapping[str, tuple[str, str]],
    missing: Sequence[str] = (),
) -> None:
    """Draw a figure of the paper into each of `outputs`; suffixes give the formats.

    Args:
        joined: joined table of each panel.
        correlations: kendall_tau.csv.
        outputs: e.g. a .png and a .pdf file.
        figure: its number in the paper.
        panels: letter → (space, dataset), as `panels_of` gives them.
        missing: spaces that were asked for and that there is no data of.

    Raises:
        NaswotError: a joined table has no accuracy of its dataset.
    """
    taus = pd.read_csv(correlations)
    columns = min(COLUMNS, max(len(panels), 1))
    rows = -(-max(len(panels), 1) // columns)
    width, height = PANEL_INCHES
    drawing, grid = plt.subplots(
        rows,
        columns,
        figsize=(max(width * columns, 3.4), height * rows + 0.3),
        layout="constrained",
        squeeze=False,
    )
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    kinds, score = [], ""
    for axes, path, (letter, (space, dataset)) in zip(
        grid.flat, joined, panels.items(), strict=False
    ):
        table, row = table_and_row(path, taus, dataset)
        draw(axes, table, row, size=2)
        kinds.append(accuracy_kind(row))
        score = row["score"]
        axes.tick_params(labelsize=6, length=2)
        axes.locator_params(nbins=4)
        names = title(row).replace(", ", "\n", 1)
        if space in STAND_INS.values():
            (own,) = (name for name, other in STAND_INS.items() if other == space)
            names = f"{names}, for {get_space(own).title} ¹"
        axes.set_title(
            f"({letter}) {names}\n"
            rf"$\tau$ = {row['tau']:.3f}, n = {row['n']:,}",
            fontsize=6.5,
            linespacing=1.15,
        )
    if panels:
        drawing.supylabel(f"{score}, untrained", fontsize=7)
    drawing.supxlabel("\n".join(_below(kinds, figure, missing)), fontsize=7)
    save(drawing, outputs)


def _below(kinds: Sequence[str], figure: int, missing: Sequence[str]) -> list[str]:
    """Return the lines below all panels: what is drawn, and what the figure lacks."""
    lines = ["accuracy when trained (%)"] if kinds else []
    lines += [f"¹ {kind}" for kind in sorted(set(kinds) - {"accuracy when trained"})]
    own = dict.fromkeys(space for space, _ in PANELS[figure])
    lacking = [get_space(space).title for space in own if space in missing]
    if lacking:
        lines += [f"Figure {figure}, left out for want of data: {', '.join(lacking)}"]
    return lines
