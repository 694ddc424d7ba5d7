"""Rankings as text: a table for people, JSON and CSV for programs."""

import json
import math
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from naswot.costs import COSTS

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "json", "csv")


def as_json(frame: "pd.DataFrame") -> str:
    """Return the ranking as a JSON list of objects.

    NaN becomes null, and an infinite score the string "inf" or "-inf", since JSON has neither.
    """

    def plain(value: Any) -> Any:
        return str(value) if isinstance(value, float) and math.isinf(value) else value

    known = frame.astype(object).where(frame.notna(), None)
    rows = [{key: plain(value) for key, value in row.items()} for row in known.to_dict("records")]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(frame: "pd.DataFrame") -> str:
    """Return the ranking as CSV; NaN becomes an empty cell, −inf "-inf"."""
    return frame.to_csv(index=False, lineterminator="\n")


def as_table(frame: "pd.DataFrame", about: Iterable[str] = (), width: int | None = None) -> str:
    """Return the ranking as text in columns, notes and lines `about` it below; NaN becomes "–".

    If the columns are together wider than `width` characters, those that do not fit follow in
    further tables, each with rank and network.
    """
    columns = [name for name in frame if name != "note"]
    rows = [["rank", *columns]]
    known = frame.astype(object).where(frame.notna(), math.nan)
    for rank, row in enumerate(known.to_dict("records"), start=1):
        rows.append([str(rank), *(_cell(name, row[name]) for name in columns)])
    cells = [_column(list(column)) for column in zip(*rows, strict=True)]
    lines: list[str] = []
    for shown in _tables(cells[:2], cells[2:], width):  # rank and network begin each table
        lines += [*([""] if lines else []), *("  ".join(row).rstrip() for row in shown)]
    notes = [
        f"{name}: {note}"
        for name, note in zip(frame["network"], frame["note"], strict=True)
        if note
    ]
    below = ["", *notes] if notes else []
    return "\n".join([*lines, *wrapped([*below, *about], width)]) + "\n"


def wrapped(lines: Iterable[str], width: int | None) -> list[str]:
    """Return `lines`, each broken between words into lines of at most `width` characters."""
    if width is None:
        return list(lines)
    return [part for line in lines for part in textwrap.wrap(line, width) or [""]]


def _column(texts: list[str]) -> list[str]:
    """Return `texts`, of which the first is the column's name, in cells of equal width."""
    width = max(map(len, texts))
    return [text.ljust(width) if texts[0] == "network" else text.rjust(width) for text in texts]


def _tables(
    head: list[list[str]], columns: list[list[str]], width: int | None
) -> Iterator[Iterator[tuple[str, ...]]]:
    """Yield the rows of tables of at most `width` characters (None: of any width)."""
    shown = list(head)
    for column in columns:
        total = sum(len(one[0]) + 2 for one in [*shown, column]) - 2
        if width is not None and total > width and len(shown) > len(head):
            yield zip(*shown, strict=True)
            shown = list(head)
        shown.append(column)
    yield zip(*shown, strict=True)


def _cell(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else ""
    if math.isnan(value):
        return "–"
    if column in ("params", "flops"):
        return f"{value:,.0f}"
    if column in COSTS:
        return COSTS[column].short(value)
    return f"{value:.3f}" if column == "seconds" else f"{value:.6g}"
