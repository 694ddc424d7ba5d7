"""Draw a diagram with matplotlib, at the positions that `naswot.plots.placing` computes."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Outline

from naswot.plots.palette import FILLS, ink
from naswot.plots.placing import FONT, LINE, MARGIN, Box, Curve, Placed, place
from naswot.plots.writing import save
from naswot.spaces.graph import NONE, Diagram

TITLE = 0.22  # inches above a drawing
POINTS = 0.8  # points per unit of `placing`, so that text has 7.2 points
NOTE = 6.5  # points
LINES = "#333333"
PLAIN: dict[str, Any] = {"parse_math": False}  # names from the user may have a $
FAINT = "#999999"


def diagram_file(diagram: Diagram, output: str | Path) -> None:
    """Draw a diagram with the title of its space to `output`, whose suffix gives the format."""
    placed = place(diagram)
    width, height = placed.width * POINTS / 72, placed.height * POINTS / 72 + TITLE
    figure = plt.figure(figsize=(width, height))
    draw(figure, placed, 0, height - TITLE)
    head = 1 - 0.3 * TITLE / height
    figure.text(MARGIN * POINTS / 72 / width, head, diagram.title, va="top", fontsize=9, **PLAIN)
    save(figure, [output])


def draw(figure: plt.Figure, placed: Placed, left: float, top: float) -> plt.Axes:
    """Draw a placed diagram with its upper left corner at (left, top), inches from the bottom."""
    width, height = figure.get_size_inches()
    own = placed.width * POINTS / 72, placed.height * POINTS / 72
    axes = figure.add_axes((left / width, (top - own[1]) / height, own[0] / width, own[1] / height))
    axes.set(xlim=(0, placed.width), ylim=(placed.height, 0))
    axes.set_axis_off()
    for curve in placed.curves:
        _draw_curve(axes, curve)
    for box in placed.boxes:
        _draw_box(axes, box)
    for caption in placed.captions:
        look: dict[str, Any] = {"fontsize": FONT * POINTS, "fontweight": "bold", **PLAIN}
        heading = axes.text(caption.x, caption.y, caption.text, **look)
        axes.annotate(
            caption.note,
            (1, 0),
            xycoords=heading,
            xytext=(5, 0.22 * FONT * POINTS),  # the heading's box reaches below its baseline
            textcoords="offset points",
            fontsize=NOTE,
            **PLAIN,
        )
    return axes


def _dashes(part: Curve | Box) -> dict:
    if part.kind == NONE:
        return {"linestyle": (0, (1, 2.5)), "edgecolor": FAINT}
    if not part.used:
        return {"linestyle": (0, (3, 2)), "edgecolor": FAINT}
    return {"edgecolor": LINES}


def _draw_curve(axes: plt.Axes, curve: Curve) -> None:
    points, codes = [curve.points[0]], [Outline.MOVETO]
    for there, down in curve.points[1:]:
        x, y = points[-1]
        middle = (x + there) / 2
        points += [(middle, y), (middle, down), (there, down)]
        codes += [Outline.CURVE4] * 3
    if curve.arrow:
        x, y = points[-1]
        points += [(x - 4, y - 3), (x, y), (x - 4, y + 3)]
        codes += [Outline.MOVETO, Outline.LINETO, Outline.LINETO]
    look = {"facecolor": "none", "linewidth": 0.7, "capstyle": "round", **_dashes(curve)}
    axes.add_patch(PathPatch(Outline(points, codes), **look))


def _draw_box(axes: plt.Axes, box: Box) -> None:
    fill = FILLS.get(box.kind) if box.used else None
    if box.kind != NONE:
        look = _dashes(box)
        if fill:
            look["edgecolor"] = "none"
        axes.add_patch(
            FancyBboxPatch(
                (box.x - box.width / 2, box.y - box.height / 2),
                box.width,
                box.height,
                boxstyle="round,pad=0,rounding_size=3",
                facecolor=fill or "white",
                linewidth=0.7,
                **look,
            )
        )
    colour = ink(fill) if fill else "#000" if box.used else "#666666"
    for number, line in enumerate(box.lines):
        y = box.y + (number - (len(box.lines) - 1) / 2) * LINE + 0.35 * FONT
        axes.text(box.x, y, line, ha="center", fontsize=FONT * POINTS, color=colour, **PLAIN)
