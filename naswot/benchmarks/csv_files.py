"""Read CSV files that a person or a spreadsheet wrote.

Commas, semicolons or tabs may separate the fields. Blanks around fields and an empty field at the
end of a line are ignored. In files with semicolons or tabs, numbers may have a decimal comma.
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
    """Return the table of a CSV file with a column `arch`, with all its other columns.

    Raises:
        OSError, ValueError: it cannot be read, or a row has more fields than the first line.
    """
    text = path.read_text(encoding="utf-8-sig")
    separator = _separator(text)
    try:
        header, *rows = _rows(text, separator)
    except csv.Error as error:
        raise ValueError(str(error)) from error
    accuracies = [column for column, name in enumerate(header) if ACCURACY_KEY.fullmatch(name)]
    decimal_comma = separator != "," and any(
        "," in row[column] for row in rows for column in accuracies
    )
    _check_params(header, rows)
    plain = io.StringIO()
    csv.writer(plain).writerows([header, *rows])
    plain.seek(0)
    # If pandas read the file in parts, one column could mix numbers and texts.
    return pd.read_csv(
        plain, dtype={"arch": str}, low_memory=False, decimal="," if decimal_comma else "."
    )


def _separator(text: str) -> str:
    """Return the separator that makes `arch` a field of the first line, else a comma."""
    for separator in SEPARATORS:
        if "arch" in next(_fields(text, separator), ()):
            return separator
    return ","


def _fields(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the fields of each line that is not empty, without the blanks around them."""
    lines = io.StringIO(text, newline="")
    for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
        stripped = [field.strip() for field in row]
        if any(stripped):
            yield stripped


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows, all as long as the first line without the empty fields at its end."""
    width = 0
    for number, row in enumerate(_fields(text, separator)):
        while len(row) > max(width, 1) and not row[-1]:
            row.pop()
        width = width or len(row)
        if len(row) > width:
            raise ValueError(
                f"row {number} has {len(row)} fields and the first line {width}; put a text or "
                f"number that contains {separator!r} in quotation marks"
            )
        yield row + [""] * (width - len(row))
    if not width:
        raise ValueError("it is empty")


def _check_params(header: list[str], rows: list[list[str]]) -> None:
    """Refuse a comma in `params`: it could group digits or be a decimal comma."""
    if "params" not in header:
        return
    column = header.index("params")
    for number, row in enumerate(rows, 1):
        if "," in row[column]:
            raise ValueError(
                f"row {number} has {shown(row[column])} in the column 'params'; write digits only, "
                "such as 1234"
            )
