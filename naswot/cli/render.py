"""Rankings as text: a table for people, JSON and CSV for programs."""

import json
import math
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


def as_table(frame: "pd.DataFrame") -> str:
    """Return the ranking as text in columns, with the notes below it; NaN becomes "–"."""
    columns = [name for name in frame if name != "note"]
    rows = [["rank", *columns]]
    known = frame.astype(object).where(frame.notna(), math.nan)
    for rank, row in enumerate(known.to_dict("records"), start=1):
        rows.append([str(rank), *(_cell(name, row[name]) for name in columns)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if name == "network" else text.rjust(width)
            for name, text, width in zip(rows[0], row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    notes = [
        f"{name}: {note}"
        for name, note in zip(frame["network"], frame["note"], strict=True)
        if note
    ]
    if notes:
        lines += ["", *notes]
    return "\n".join(lines) + "\n"


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
