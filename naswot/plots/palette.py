"""Colours of plots and diagrams, also distinct for colour-blind people (Okabe and Ito)."""

from naswot.spaces.graph import CONV, CONV_1X1, DILATED, POOL, SEPARABLE

INK = "#1b3a5c"  # of points in a plot

# Kind → fill colour; other kinds have only an outline, in the colour of the surrounding text.
FILLS = {
    CONV: "#0072b2",
    CONV_1X1: "#56b4e9",
    SEPARABLE: "#009e73",
    DILATED: "#cc79a7",
    POOL: "#e69f00",
    "block cell": "#d5dbe3",
    "block reduction": "#f0d9b5",
}
DARK = {"#0072b2"}


def ink(fill: str) -> str:
    """Return the colour of text on a fill, with a contrast ratio of at least 4.5."""
    return "#fff" if fill in DARK else "#000"
