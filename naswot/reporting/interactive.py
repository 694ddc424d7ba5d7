"""Make interactive scatter plots of score against accuracy, with details of each network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from bokeh.embed import components
from bokeh.models import ColumnDataSource, CustomJS, HoverTool, TabPanel, Tabs
from bokeh.plotting import figure
from bokeh.resources import Resources
from markupsafe import Markup, escape  # noqa: TID251, HTML of Bokeh's and ours

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue, Entry
from naswot.benchmarks.metrics import metric_of
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet
from naswot.plots.palette import INK
from naswot.plots.svg import svg
from naswot.reporting.tables import written
from naswot.spaces import Space
from naswot.spaces.diagrams import diagram_of

NETWORKS = 1000  # maximum of networks per plot; most of the paper's plots have as many
PINNED = "pinned"  # the HTML element that shows the selected network
CHOSEN = "#d98032"


def plots(
    runs: Sequence[tuple[str, str | Path]], seed: int, catalogue: Catalogue = BUILT_IN
) -> dict[str, Markup | str]:
    """Return scatter plots, one tab per search space and data set, as HTML that works offline.

    Args:
        runs: data sets, each with its joined table.
        seed: seed of the random sample, if a table has more than `NETWORKS` networks.
        catalogue: the search spaces of the run.

    Returns:
        `library` and `script`, HTML for the head and the end of a page; `div`, the place of the
        plots; and `note`, an explanation of the plots.
    """
    sources: dict[str | Path, tuple[ColumnDataSource, str]] = {}
    panels, notes = [], []
    for dataset, path in runs:
        entry = catalogue[read_metadata(path)["space"]]
        space = entry.space
        if path not in sources:
            sources[path] = _source(path, entry, seed)
            notes.append(f"{space.title}: {sources[path][1]}")
        about = entry.datasets[dataset]
        source, _ = sources[path]
        counts = {key: pd.Series(values).count() for key, values in source.data.items()}
        key = about.reported(counts, "plotted")
        if key is not None:
            title = f"{space.title}, {about.title}"
            panels.append(TabPanel(child=_plot(source, key, read_metadata(path)), title=title))
    return {**embedded(panels), "note": "; ".join(notes)}


def embedded(panels: Sequence[TabPanel]) -> dict[str, Markup]:
    """Return plots, one tab each, as HTML that works offline.

    Returns:
        `library` and `script`, HTML for the head and the end of a page, and `div`, their place.
    """
    script, div = components(Tabs(tabs=list(panels), sizing_mode="stretch_width"))
    library = Resources(mode="inline", components=["bokeh"]).render_js()
    parts = {"library": library, "script": script, "div": div}
    return {name: Markup(part) for name, part in parts.items()}  # noqa: S704, of Bokeh


def _plot(source: ColumnDataSource, key: str, about: dict) -> figure:
    plot = figure(
        height=440,
        sizing_mode="stretch_width",
        tools="pan,wheel_zoom,box_zoom,reset,tap",
        active_scroll=None,
        x_axis_label=metric_of(key).label(key),
        y_axis_label=f"{about['score']} of the untrained network",
        output_backend="canvas",
    )
    dots = plot.scatter(
        key,
        "score",
        source=source,
        size=6,
        color=INK,
        alpha=0.45,
        line_color=None,
        hover_color=CHOSEN,
        selection_color=CHOSEN,
        nonselection_alpha=0.25,
    )
    # One network at a time: where points lie on each other, the last one drawn.
    plot.add_tools(HoverTool(renderers=[dots], tooltips="@details{safe}", limit=1))
    plot.toolbar.logo = None
    return plot


def _source(path: str | Path, entry: Entry, seed: int) -> tuple[ColumnDataSource, str]:
    """Return the networks of a joined table to draw, and a clause with their number."""
    table = read_parquet(path)
    finite = table[np.isfinite(table["score"])]
    drawn = finite
    if len(finite) > NETWORKS:
        drawn = finite.sample(NETWORKS, random_state=seed).sort_index()
    note = f"{len(drawn):,} of {len(table):,} networks"
    if len(drawn) < len(finite):
        note += ", drawn at random"
    if len(finite) < len(table):
        note += f"; {len(table) - len(finite):,} without a finite score cannot be drawn"
    accuracies = (
        key
        for dataset in entry.datasets.values()
        for key in (dataset.valid, dataset.test, dataset.plotted)
    )
    keys = [key for key in dict.fromkeys(accuracies) if key and key in drawn]
    details = [_details(row, keys, entry.space) for row in drawn.to_dict("records")]
    source = ColumnDataSource(
        {"score": drawn["score"], "details": details} | {key: drawn[key] for key in keys}
    )
    pin = CustomJS(
        args={"source": source},
        code=f"""
            const chosen = cb_obj.indices[0];
            document.getElementById("{PINNED}").innerHTML =
                chosen === undefined ? "" : source.data.details[chosen];
        """,
    )
    source.selected.js_on_change("indices", pin)
    return source, note


def _details(row: dict, keys: Sequence[str], space: Space) -> str:
    """Return the details of a network as HTML: its drawing, name, score and accuracies."""
    accuracies = Markup("").join(
        Markup("<br>{} {} {}").format(
            key, written(row[key], 2 + metric_of(key).finer), metric_of(key).unit
        )
        for key in keys
        if not pd.isna(row[key])
    )
    try:
        drawn = svg(diagram_of(space, row["arch"]))
        drawing = Markup(drawn.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1))  # noqa: S704, ours
    except NaswotError:  # a custom space need not have diagrams
        drawing = Markup("")
    return str(
        Markup(
            '<div style="max-width:min(31rem,75vw);overflow-wrap:anywhere;font:12px/1.4 system-ui">'
            "{}<div>{}</div>number {}, <b>score {}</b>{}</div>"
        ).format(drawing, escape(row["arch"]), row["index"], written(row["score"], 1), accuracies)
    )
