"""Read latencies from a table: CSV or Parquet, one row per architecture.

The column `arch` or `network` has the architectures, another one milliseconds.
"""

import csv
import math
from pathlib import Path

from naswot.errors import NaswotError, shown

KEYS = ("arch", "network")


def read_latencies(path: Path, column: str = "ms") -> dict[str, float]:
    """Return architecture → milliseconds; those with a gap in a Parquet file are left out.

    Raises:
        NaswotError: the file cannot be read, lacks a column, has an architecture twice, or a value
            is not a number from 0; the message names the row, counted from 1.
    """
    is_csv = path.suffix.lower() == ".csv"
    header, rows = (_csv if is_csv else _parquet)(path)
    key = next((name for name in KEYS if name in header), None)
    if key is None:
        raise NaswotError(
            f"{path} has no column arch or network; it has {', '.join(header) or 'none'}."
        )
    if column not in header:
        others = [name for name in header if name != key]
        raise NaswotError(
            f"{path} has no column {column!r} of milliseconds; it has {', '.join(header)}. Name "
            f"one, such as {path}:{(others or ['ms'])[0]}."
        )
    found: dict[str, float] = {}
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        arch, value = row.get(key), row.get(column)
        if not isinstance(arch, str) or not arch:
            raise NaswotError(f"{path}, row {number}: {key} is {shown(arch)}, not a text.")
        if arch in seen:
            raise NaswotError(f"{path}, row {number}: {arch} occurs twice.")
        seen.add(arch)
        if not is_csv and (value is None or (isinstance(value, float) and math.isnan(value))):
            continue
        try:
            found[arch] = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            found[arch] = math.nan
        if not 0 <= found[arch] < math.inf:
            raise NaswotError(
                f"{path}, row {number}: {column} of {arch} is {shown(value)}; it has to be a "
                "number of milliseconds."
            )
    return found


def _csv(path: Path) -> tuple[list[str], list[dict]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True, strict=True)
            header, rows = list(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise NaswotError(f"{path} cannot be read: {error.strerror}.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise NaswotError(f"{path} is not a CSV file with commas: {error}.") from error
    return header, rows


def _parquet(path: Path) -> tuple[list[str], list[dict]]:
    from naswot.io.parquet import read_parquet  # needs pyarrow, which an extra has

    frame = read_parquet(path)
    return list(frame.columns), frame.to_dict("records")
