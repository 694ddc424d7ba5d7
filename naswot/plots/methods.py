"""Shared code of the figures of searches: styles of methods, panels, and names at the right."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt

from naswot.plots.comparison import WIDTH
from naswot.plots.spacing import name_at_right, plain
from naswot.search import METHODS
from naswot.search.sampling import SAMPLINGS

OTHER = "#777777", "-"  # style of weight sharing, and of methods without their own style
# Title of a method → colour and line.
STYLES = {"NASWOT": SAMPLINGS["naswot"].style} | {
    method.title: method.style for method in METHODS.values()
}
LEFT, AXES, HEIGHT = 0.68, 4.57, 1.95  # inches: margin, width and height of a panel
LINE = 0.115  # distance of two names in inches


def style_of(method: str) -> tuple[str, str]:
    """Return the colour and the line style of a method by its title.

    A method that uses another score, such as "AREA (ensemble)", is dotted in the method's colour.
    """
    title, _, score = method.partition(" (")
    if score and title in STYLES:
        return STYLES[title][0], ":"
    return STYLES.get(method, OTHER)


def stacked(
    panels: int, above: float, between: float, notes: Sequence[str]
) -> tuple[plt.Figure, list[plt.Axes]]:
    """Return panels above each other with a common time axis and room for names on the right.

    Args:
        panels: number of panels.
        above, between: free space above and between panels in inches.
        notes: lines of text below all panels.
    """
    below = 0.5 + 0.1 * len(notes)
    height = above + below + HEIGHT * panels + between * (panels - 1)
    figure, grid = plt.subplots(panels, 1, figsize=(WIDTH, height), squeeze=False, sharex=True)
    figure.subplots_adjust(
        left=LEFT / WIDTH,
        right=(LEFT + AXES) / WIDTH,
        top=1 - above / height,
        bottom=below / height,
        hspace=between / HEIGHT,
    )
    for axes in grid.flat:
        axes.set_xscale("log")
        plain(axes)
    grid[-1, 0].xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    figure.text(0.06 / WIDTH, 0.05 / height, "\n".join(notes), fontsize=6, va="bottom")
    return figure, list(grid.flat)


def write_names(axes: plt.Axes, points: Iterable[tuple[str, float, float]]) -> None:
    """Write names and accuracies right of a panel, each with a line to its point.

    Args:
        axes: the panel; its limits must be final.
        points: (name, seconds, accuracy).
    """
    named = (
        (f"{name}  {accuracy:.2f}", seconds, accuracy, style_of(name)[0])
        for name, seconds, accuracy in points
    )
    name_at_right(axes, named, LINE / HEIGHT)
