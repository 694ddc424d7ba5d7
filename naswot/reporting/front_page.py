"""Make a page about a search: the front, with a drawing of the network under the pointer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource, HoverTool, Span, TabPanel  # type: ignore[attr-defined]
from bokeh.plotting import figure
from markupsafe import Markup, escape  # noqa: TID251, HTML of Bokeh's and ours

from naswot.costs import COSTS
from naswot.plots.palette import INK
from naswot.plots.search_front import FRONT, readable
from naswot.reporting.interactive import embedded
from naswot.reporting.tables import Cell, Column, Row, number, written
from naswot.reporting.templates import render

MOST_NETWORKS = 3000  # drawn at most, the front always


def front_page(
    title: str,
    lines: Sequence[str],
    table: pd.DataFrame,
    score: str,
    traded: Sequence[str],
    limits: Mapping[str, float],
    drawings: Mapping[str, str],
) -> str:
    """Return the page as HTML that works offline.

    Args:
        title: of the page.
        lines: what was searched, one sentence each.
        table: columns `network`, the score, the costs, `broken` and `front`; best network first.
        score: name of the score.
        traded: the costs of the front, one tab each.
        limits: cost → what a network may cost.
        drawings: network → its drawing as SVG, or its choices, as HTML.
    """
    known = table[np.isfinite(table[score]) & (table["broken"] == "")]
    shown = known[known["front"] | (np.arange(len(known)) < MOST_NETWORKS)]
    drawn = {arch: Markup(html) for arch, html in drawings.items()}  # noqa: S704, SVG of ours
    details = [_details(row, score, traded, drawn) for row in shown.to_dict("records")]
    columns: dict[str, Any] = {"score": shown[score], "details": details}
    columns |= {cost: shown[cost] / readable(cost, shown[cost])[0] for cost in traded}
    columns["colour"] = np.where(shown["front"], FRONT, INK)
    columns["size"] = np.where(shown["front"], 9, 5)
    source = ColumnDataSource(columns)
    panels = [
        TabPanel(
            child=_plot(source, score, cost, readable(cost, shown[cost]), limits),
            title=COSTS[cost].title,
        )
        for cost in traded
    ]
    listed = [
        Column("network", lambda row: Cell(_opened(row["network"], drawn))),
        number(score, score),
        *(Column(COSTS[cost].title, _cost(cost), numeric=True) for cost in traded),
    ]
    front = shown[shown["front"]].to_dict("records")
    rows = [[column.cell(row) for column in listed] for row in front]
    return render(
        "front.html.jinja",
        title=title,
        lines=lines,
        front={"name": "front", "notes": [], "columns": listed, "rows": rows},
        plots=embedded(panels),
    )


def _plot(
    source: ColumnDataSource,
    score: str,
    cost: str,
    scaled: tuple[float, str],
    limits: Mapping[str, float],
) -> figure:
    scale, unit = scaled
    plot = figure(
        height=440,
        sizing_mode="stretch_width",
        tools="pan,wheel_zoom,box_zoom,reset",
        active_scroll=None,
        x_axis_label=f"{COSTS[cost].title}{unit}",
        y_axis_label=f"{score} of the untrained network",
        output_backend="canvas",
    )
    dots = plot.scatter(
        cost, "score", source=source, size="size", color="colour", alpha=0.6, line_color=None
    )
    if cost in limits:
        plot.add_layout(Span(location=limits[cost] / scale, dimension="height", line_dash="dashed"))
    plot.add_tools(HoverTool(renderers=[dots], tooltips="@details{safe}", limit=1))
    plot.toolbar.logo = None
    return plot


def _cost(cost: str) -> Callable[[Row], Cell]:
    return lambda row: Cell(COSTS[cost].short(row[cost]), float(row[cost]))


def _opened(network: str, drawn: Mapping[str, Markup]) -> Markup:
    """Return the name of a network, which opens its drawing."""
    return Markup('<details><summary>{}</summary><div class="drawing">{}</div></details>').format(
        network, drawn.get(network, "")
    )


def _details(
    row: Mapping[str, Any], score: str, traded: Sequence[str], drawn: Mapping[str, Markup]
) -> str:
    """Return the details of a network as HTML: its drawing, name, score and costs."""
    costs = ", ".join(f"{COSTS[cost].title} {COSTS[cost].short(row[cost])}" for cost in traded)
    return str(
        Markup(
            '<div style="max-width:min(31rem,75vw);overflow-wrap:anywhere;font:12px/1.4 system-ui">'
            "{}<div>{}</div><b>{} {}</b>, {}{}</div>"
        ).format(
            drawn.get(row["network"], ""),
            escape(row["network"]),
            score,
            written(row[score], 2),
            costs,
            ", on the front" if row["front"] else "",
        )
    )
