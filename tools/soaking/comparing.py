"""Whether the results of two runs are the same, but for the seconds and memory they took."""

import json
import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from naswot.io.parquet import METADATA_KEY
from soaking.whole import results

MEASURED = re.compile("seconds|memory|time")  # of columns and keys: what two runs differ in
# Files that tell or draw measured seconds, by their names: of these only the words are compared.
TELLING = ("anytime", "figure7", "index", "levels", "questions", "run", "run_times", "table2")
VARYING = re.compile(r"[\da-f]{8}-[\da-f-]{27}|-?\d[\d.,]*")  # Bokeh's names, numbers


def differing(ours: Path, theirs: Path) -> list[str]:
    """Return the files under results/ of two workdirs that differ, or that one of them lacks."""
    left, right = set(results(ours)), set(results(theirs))
    found = [f"{path} in one of them only" for path in left ^ right]
    found += [
        str(path)
        for path in left & right
        if not same(ours / "results" / path, theirs / "results" / path)
    ]
    return sorted(found)


def same(ours: Path, theirs: Path) -> bool:
    """Return whether two files say the same, but for what is measured of a run."""
    if ours.read_bytes() == theirs.read_bytes():
        return True
    compared = _COMPARED.get(ours.suffix)
    if ours.stem in TELLING and ours.name != "table2.csv":
        return ours.suffix in (".png", ".pdf") or _words(ours) == _words(theirs)
    return compared is not None and compared(ours) == compared(theirs)


def _parquet(path: Path) -> tuple[dict, bytes]:
    table = pq.read_table(path)
    metadata = json.loads((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
    return _unmeasured(metadata), _frame(table.to_pandas())


def _unmeasured(metadata: dict) -> dict:
    return {key: value for key, value in metadata.items() if not MEASURED.search(key)}


def _frame(frame: pd.DataFrame) -> bytes:
    kept = [column for column in frame if not MEASURED.search(column)]
    return frame[kept].to_csv().encode()


def _csv(path: Path) -> bytes:
    return _frame(pd.read_csv(path))


def _dateless(path: Path) -> bytes:
    return re.sub(rb"/CreationDate \([^)]*\)", b"", path.read_bytes())


def _words(path: Path) -> str:
    return VARYING.sub("#", path.read_text(encoding="utf-8"))


_COMPARED = {".parquet": _parquet, ".csv": _csv, ".pdf": _dateless}
