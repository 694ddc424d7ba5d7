"""CSV that a person or a spreadsheet wrote: whatever separates its fields, with numbers as such.

Fields may be separated by commas, semicolons or tabs, have blanks around them, and end in an empty
one; beside semicolons and tabs a number may have a decimal comma.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from naswot.benchmarks.table import ACCURACY_KEY
from naswot.errors import shown

SEPARATORS = (",", ";", "\t")


def read_csv(path: Path) -> pd.DataFrame:
    """Return the table that a CSV file with a column `arch` holds; other columns as they are.

    Raises:
        OSError, ValueError: it cannot be read, or a row has more fields than the first.
    """
    text = path.read_text(encoding="utf-8-sig")
    separator = _separator(text)
    try:
        header, *rows = _rows(text, separator)
    except csv.Error as error:
        raise ValueError(str(error)) from error
    accuracies = [place for place, name in enumerate(header) if ACCURACY_KEY.fullmatch(name)]
    decimal_comma = separator != "," and any(
        "," in row[place] for row in rows for place in accuracies
    )
    _check_params(header, rows)
    plain = io.StringIO()
    csv.writer(plain).writerows([header, *rows])
    plain.seek(0)
    # In parts a column may come as numbers here and texts there.
    return pd.read_csv(
        plain, dtype={"arch": str}, low_memory=False, decimal="," if decimal_comma else "."
    )


def _separator(text: str) -> str:
    """Return whichever of `SEPARATORS` makes `arch` a field of the first line, else a comma."""
    for separator in SEPARATORS:
        if "arch" in next(_fields(text, separator), ()):
            return separator
    return ","


def _fields(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the fields of each line that has any, without the blanks around them."""
    lines = io.StringIO(text, newline="")
    for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
        stripped = [field.strip() for field in row]
        if any(stripped):
            yield stripped


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows, all as long as the first without the empty fields that it ends in."""
    width = 0
    for number, row in enumerate(_fields(text, separator)):
        while len(row) > max(width, 1) and not row[-1]:
            row.pop()
        width = width or len(row)
        if len(row) > width:
            raise ValueError(
                f"row {number} has {len(row)} fields and the first line {width}; a text or number "
                f"that holds {separator!r} must be in quotation marks"
            )
        yield row + [""] * (width - len(row))
    if not width:
        raise ValueError("it is empty")


def _check_params(header: list[str], rows: list[list[str]]) -> None:
    """Refuse numbers of parameters with a comma, which may group digits or be a decimal one."""
    if "params" not in header:
        return
    place = header.index("params")
    for number, row in enumerate(rows, 1):
        if "," in row[place]:
            raise ValueError(
                f"row {number} has {shown(row[place])} in the column 'params'; write digits alone, "
                "such as 1234"
            )
