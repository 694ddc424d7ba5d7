"""Render CSV tables as HTML for readers: selected columns, plain headings, rounded numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from docutils.core import publish_parts

from naswot.analysis.leaderboard import compare_with_size
from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.datasets import TITLES
from naswot.errors import NaswotError
from naswot.io.atomic import replacing
from naswot.reporting.captions import write_captions
from naswot.reporting.contents import ITEMS
from naswot.reporting.templates import render

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """The text of a cell and, for numbers, the value by which it is sorted."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Column:
    """A displayed column: its heading, a function from row to cell, and whether it has numbers."""

    heading: str
    cell: Callable[[Row], Cell]
    numeric: bool = False


def render_tables(
    csvs: Sequence[str | Path],
    captions: Sequence[str | Path],
    outputs: Sequence[str | Path],
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write for each CSV file a page with a caption and a sortable table, named after its item.

    Raises:
        NaswotError: a CSV file is missing or not readable.
    """
    for csv, caption, output in zip(map(Path, csvs), captions, outputs, strict=True):
        html = render(
            "table.html.jinja",
            title=ITEMS[csv.stem].title,
            caption=prose(Path(caption).read_text(encoding="utf-8")),
            table=table(csv.stem, read_csv(csv), catalogue),
        )
        with replacing(output) as temporary:
            temporary.write_text(html, encoding="utf-8")


def render_page(
    csv: str | Path,
    template: str | Path,
    caption: str | Path,
    output: str | Path,
    *,
    config: Mapping[str, Any],
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write the page of one table and its caption, which has no claims.

    Args:
        csv: the CSV file.
        template: template of the caption, see `naswot.reporting.captions.write_captions`.
        caption, output: the .rst and the .html file to write.
        config: the configuration of the run.
        catalogue: the search spaces of the run.

    Raises:
        NaswotError: the CSV file is missing or not readable, or the template cannot be filled in.
    """
    write_captions([template], None, [caption], config=config, catalogue=catalogue)
    render_tables([csv], [caption], [output], catalogue)


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read a CSV file.

    Raises:
        NaswotError: the file is missing, empty or not readable.
    """
    try:
        # Only an empty field is a missing value: the text “None” is a setting.
        return pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise NaswotError(
            f"{path} is not a readable CSV file ({error}). Delete it and run again."
        ) from error


def table(name: str, frame: pd.DataFrame, catalogue: Catalogue = BUILT_IN) -> dict[str, Any]:
    """Return heading and cells of the table called `name`, for the templates.

    Search spaces are shown with their titles in `catalogue`.

    Returns:
        `name`, `notes` (sentences above the table), `columns` (list of `Column`) and `rows` (lists
        of `Cell`).
    """
    titles = {key: entry.space.title for key, entry in catalogue.items()}
    for column in {"space", "benchmark"} & {*frame.columns}:
        frame = frame.assign(**{column: frame[column].map(lambda key: titles.get(key, key))})
    frame = ORDERS.get(name, lambda same: same)(frame)
    columns = VIEWS[name](frame) if name in VIEWS else every_column(frame, titles | TITLES)
    rows = [[column.cell(row) for column in columns] for row in frame.to_dict("records")]
    notes = NOTES[name](frame) if name in NOTES else []
    return {"name": name, "notes": notes, "columns": columns, "rows": rows}


def prose(text: str) -> str:
    """Return reStructuredText as an HTML fragment."""
    settings = {"halt_level": 2, "report_level": 2, "file_insertion_enabled": False}
    settings |= {"raw_enabled": False}
    return publish_parts(text, writer="html5", settings_overrides=settings)["body"]


def words(heading: str, key: str, names: Mapping[str, str] | None = None) -> Column:
    """Return a column of text, with titles instead of identifiers."""

    def cell(row: Row) -> Cell:
        value = row[key]
        text = "" if pd.isna(value) else str(value)
        return Cell((names or {}).get(text, text))

    return Column(heading, cell)


def number(heading: str, key: str, digits: int = 2, spread: str = "", signed: bool = False):
    """Return a column of numbers, each with ± the value of the column `spread`, if given."""

    def cell(row: Row) -> Cell:
        value = row[key]
        if pd.isna(value):
            return Cell("")
        text = written(value, digits, signed)
        if spread and pd.notna(row[spread]):
            text += f" ± {written(row[spread], digits)}"
        return Cell(text, float(value))

    return Column(heading, cell, numeric=True)


def interval(heading: str, low: str, high: str, digits: int = 3) -> Column:
    """Return a column of intervals, sorted by their lower ends."""

    def cell(row: Row) -> Cell:
        if pd.isna(row[low]):
            return Cell("")
        return Cell(f"{written(row[low], digits)} to {written(row[high], digits)}", row[low])

    return Column(heading, cell, numeric=True)


def written(value: float, digits: int, signed: bool = False) -> str:
    """Return a number as text, with −∞, a true minus sign and thousands separators."""
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def every_column(frame: pd.DataFrame, names: Mapping[str, str]) -> list[Column]:
    """Return all columns, for a table without its own selection; `names` as for `words`."""
    columns = []
    for key in map(str, frame.columns):
        heading = key.replace("_", " ")
        if pd.api.types.is_bool_dtype(frame[key]) or not pd.api.types.is_numeric_dtype(frame[key]):
            columns.append(words(heading, key, names))
        else:
            whole = (frame[key].dropna() % 1 == 0).all()
            columns.append(number(heading, key, 0 if whole else 3))
    return columns


def _verdict(row: Row) -> Cell:
    if pd.isna(row["ours"]):
        return Cell("not measured", 3)
    if pd.isna(row["within_2"]):
        return Cell("no spread to tell", 2)
    return Cell("within 2", 0) if str(row["within_2"]) == "True" else Cell("outside", 1)


def _remarks(row: Row) -> Cell:
    return Cell("; ".join(row[key] for key in ("reason", "note") if pd.notna(row[key])))


def _digits(column: Callable[[int], Column]) -> Column:
    """Return a column of numbers with three decimals for Kendall tau and two for percentages."""
    two, three = column(2), column(3)
    return Column(
        two.heading,
        lambda row: (three if row["quantity"] == "Kendall tau" else two).cell(row),
        numeric=True,
    )


def _paper_comparison(frame: pd.DataFrame) -> list[Column]:
    return [
        words("In the paper", "where"),
        words("Space", "benchmark"),
        words("Dataset", "dataset", TITLES),
        words("Method", "method"),
        words("Quantity", "quantity"),
        _digits(lambda digits: number("Paper", "published", digits, "published_std")),
        _digits(lambda digits: number("Ours", "ours", digits, "ours_std")),
        Column("Verdict", _verdict),
        _digits(lambda digits: number("Difference", "difference", digits, signed=True)),
        number("in s.e.", "difference_in_se", 1, signed=True),
        Column("What differs, or why there is none", _remarks),
    ]


def _kendall_tau(frame: pd.DataFrame) -> list[Column]:
    return [
        words("Space", "space"),
        words("Dataset", "dataset", TITLES),
        words("Score", "score"),
        words("Accuracy", "accuracy"),
        number("Networks", "n", 0),
        number("τ", "tau", 3),
        interval("95 % interval", "tau_low", "tau_high"),
        number("Paper", "published", 3),
        number("Score −∞", "minus_inf", 0),
        number("τ, −∞ ranked last", "tau_minus_inf_last", 3),
        words("Images", "images"),
        words("Note", "note"),
    ]


def _score_top(frame: pd.DataFrame) -> list[Column]:
    return [
        words("Space", "space"),
        words("Dataset", "dataset", TITLES),
        words("Score", "score"),
        words("Metric", "metric", {"ndcg": "nDCG"}),
        number("k", "k", 0),
        number("Value", "value", 3),
        interval("95 % interval", "low", "high"),
        number("Networks", "n", 0),
    ]


def _leaderboard(frame: pd.DataFrame) -> list[Column]:
    return [
        words("Score", "score"),
        number("Rank", "rank", 0),
        words("Space", "space"),
        words("Dataset", "dataset", TITLES),
        number("τ", "tau", 3),
        interval("95 % interval", "tau_low", "tau_high"),
        number("Published τ", "published_tau", 3),
        number("τ − size's", "beyond_size", 3, signed=True),
        interval("its interval", "beyond_size_low", "beyond_size_high"),
        number("ρ", "spearman", 3),
        number("Published ρ", "published_spearman", 3),
        number("τ, best tenth", "tau_top_tenth", 3),
        number("τ, like params", "tau_within_params", 3),
        number("τ, like convolutions", "tau_within_convolutions", 3),
        number("nDCG@10", "ndcg_10", 3),
        number("Precision@10", "precision_10", 2),
        number("Regret@1", "regret_1", 2),
        number("Regret@10", "regret_10", 2),
        number("Networks", "n", 0),
        number("Score −∞", "minus_inf", 0),
        number("NaN", "nan", 0),
        number("Seconds", "seconds", 3),
        number("Memory (MB)", "peak_memory_mb", 0),
        words("Needs", "needs"),
        words("Puts together", "members"),
        words("Published where; what differs", "published_note"),
        words("Accuracy", "accuracy"),
    ]


def _sizes(frame: pd.DataFrame) -> list[str]:
    """Return one sentence on size per space and data set of the leaderboard."""
    return [
        compare_with_size(rows, f"{space}, {TITLES[dataset]}")
        for (space, dataset), rows in frame.groupby(["space", "dataset"], sort=False)
    ]


def _accuracies(frame: pd.DataFrame) -> list[Column]:
    """Return the columns of Tables 1 and 2, without accuracies that no row has."""
    means = [key for key in frame.columns if key.endswith("_mean") and frame[key].notna().any()]
    found = []
    for key in means:
        dataset, _, split = key.removesuffix("_mean").rpartition("_")
        heading = f"{TITLES[dataset]} {split}"
        found.append(number(heading, key, 2, key.replace("_mean", "_std")))
    return [
        words("Space", "benchmark"),
        words("Method", "method"),
        words("Source", "source"),
        number("Search (s)", "search_seconds", 2),
        *found,
        words("Note", "note"),
    ]


def _assistance(frame: pd.DataFrame) -> list[Column]:
    return [
        words("Space", "space"),
        words("Dataset", "dataset", TITLES),
        words("Accuracy", "accuracy"),
        words("Search", "title"),
        number("Search's mean", "method_mean"),
        number("REA's mean", "rea_mean"),
        number("Difference", "difference", 2, signed=True),
        interval("95 % interval", "difference_low", "difference_high", 2),
        number("Runs", "runs", 0),
        number("Runs needed", "runs_needed", 0),
        words("Note", "note"),
    ]


def _initialisations(frame: pd.DataFrame) -> list[Column]:
    return [
        words("Space", "space"),
        words("Dataset", "dataset", TITLES),
        number("N", "sample_size", 0),
        words("Accuracy", "accuracy"),
        number("Initialisation", "initialisation", 0),
        number("Mean (%)", "mean"),
        number("Runs", "runs", 0),
        number("Outside", "outside", 3),
    ]


def _claims(frame: pd.DataFrame) -> list[Column]:
    return [
        Column("Figure", lambda row: Cell(row["figure"].replace("figure", "Figure "))),
        words("The paper says that", "claim"),
        words("Verdict", "verdict"),
        words("What was found", "found"),
    ]


def _run_times(frame: pd.DataFrame) -> list[Column]:
    return [
        words("Stage", "stage"),
        words("What it does", "what"),
        number("Jobs", "jobs", 0),
        number("Seconds in all", "seconds", 1),
        number("Longest job (s)", "longest", 1),
        number("Most memory (MB)", "max_rss_mb", 0),
    ]


VIEWS: Mapping[str, Callable[[pd.DataFrame], list[Column]]] = {
    "paper_comparison": _paper_comparison,
    "kendall_tau": _kendall_tau,
    "score_top": _score_top,
    "leaderboard": _leaderboard,
    "table1": _accuracies,
    "table2": _accuracies,
    "assistance": _assistance,
    "initialisations": _initialisations,
    "claims": _claims,
    "run_times": _run_times,
}
NOTES: Mapping[str, Callable[[pd.DataFrame], list[str]]] = {"leaderboard": _sizes}
# Measured rows come first.
ORDERS: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "paper_comparison": lambda frame: frame.sort_values(
        "ours", key=lambda ours: ours.isna(), kind="stable"
    ),
}
