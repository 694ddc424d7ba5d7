"""Write a ranking to a file while networks are scored, and read it again to resume.

FILE.settings.json beside the file holds the images and the settings of scoring, because only
networks scored in the same way can be ranked together.
"""

import contextlib
import csv
import io
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.io.atomic import replacing
from naswot.scores.ranking import Row

SECONDS_BETWEEN_WRITES = 1.0
LARGEST_SHARE = 0.05  # of the run time, for writing
DERIVED = ("broken", "front")  # columns that follow from others and from options
NETWORKS = "networks"  # the one setting that may grow: name → factory and arguments


class RankingFile:
    """A file with the ranking so far.

    Args:
        path: the file.
        render: rows → text of the file.
        settings: settings of scoring, and under `NETWORKS` what builds each network. Values are
            those that JSON can hold; others are written as text. None: do not save settings, so
            that the file cannot be resumed.
    """

    def __init__(
        self,
        path: Path,
        render: Callable[[Sequence[Row]], str],
        settings: Mapping[str, Any] | None,
    ):
        self.path, self._render = path, render
        self._beside = path.with_name(f"{path.name}.settings.json")
        self._settings: Any = None if settings is None else json.loads(_as_json(settings))
        self._due = -math.inf
        self._begun = self._resumed = False

    def resume(self, kind: str, columns: Sequence[str]) -> list[Row]:
        """Return the rows that the file holds; none if there is no file.

        Args:
            kind: "csv" or "json".
            columns: the scores and costs: columns of the file without `network`, `seconds`,
                `params`, `note`, and those of `DERIVED`.

        Raises:
            NaswotError: the file is not such a ranking, or its networks were scored in another way.
        """
        if not self.path.exists():
            return []
        self._agree(_read(self._beside, json.loads))
        self._resumed = True
        return _read(self.path, lambda text: _rows(text, kind, columns))

    def write(self, rows: Sequence[Row], last: bool = False) -> None:
        """Write the ranking so far, whole or not at all, if a write is due or this is the `last`.

        Raises:
            NaswotError: the file cannot be written.
        """
        started = time.monotonic()
        if not last and started < self._due:
            return
        # At any moment the settings on disk match the file, or do not exist.
        if self._resumed and not self._begun:
            self._write_settings()
        elif not self._begun:
            with contextlib.suppress(OSError):
                self._beside.unlink()
        with replacing(self.path) as temporary:
            temporary.write_text(self._render(rows), encoding="utf-8", newline="")
        if not self._begun and not self._resumed:
            self._write_settings()
        self._begun = True
        now = time.monotonic()
        self._due = now + max(SECONDS_BETWEEN_WRITES, (now - started) / LARGEST_SHARE)

    def _write_settings(self) -> None:
        if self._settings is not None:
            with replacing(self._beside) as temporary:
                temporary.write_text(_as_json(self._settings), encoding="utf-8")

    def _agree(self, before: Any) -> None:
        """Check that the settings agree; keep networks that are not requested now."""
        if not isinstance(before, dict) or not isinstance(before.get(NETWORKS), dict):
            raise NaswotError(f"{self._beside} does not contain settings; leave out --resume.")
        for key, value in self._settings.items():
            if key in (NETWORKS, "images") or before.get(key) == value:  # a folder may be moved
                continue
            key = key.replace("images_sha256", "images")
            raise NaswotError(
                f"{self.path} was scored with other {key} ({shown(before.get(key))}, now "
                f"{shown(self._settings[key])}): use the earlier setting, or leave out --resume to "
                "score all networks again."
            )
        networks = self._settings[NETWORKS]
        for name, about in networks.items():
            if before[NETWORKS].get(name, about) != about:
                raise NaswotError(
                    f"{name} in {self.path} was built by {shown(before[NETWORKS][name])}, not "
                    f"{shown(about)}: give it another name in a --list, or leave out --resume to "
                    "score all networks again."
                )
        self._settings[NETWORKS] = before[NETWORKS] | networks


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n"


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    """Return the text of a file, parsed by `parse`."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return parse(stream.read())
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    except (csv.Error, *MALFORMED_RECORD_ERRORS) as error:
        why = f"differs from what `naswot score` writes ({' '.join(str(error).split())[:300]})"
    raise NaswotError(f"{path} {why}; leave out --resume to score all networks again.")


def _rows(text: str, kind: str, columns: Sequence[str]) -> list[Row]:
    expected = list(dict.fromkeys(["network", *columns, "seconds", "params", "note"]))
    if kind == "json":
        records = json.loads(text)
        headers = [list(record) for record in records]
    else:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        records = list(reader)
        headers = [list(reader.fieldnames or ()), *map(list, records)]
    if any([name for name in header if name not in DERIVED] != expected for header in headers):
        raise ValueError(f"its columns are not {', '.join(expected)}")
    rows: dict[str, Row] = {}
    for record in records:
        name, note = record["network"], record["note"]
        if name in rows or not isinstance(name, str) or not isinstance(note, str):
            raise ValueError(f"{shown(name)} occurs twice, or is not text")
        seconds, params = _number(record["seconds"]), record["params"]
        found = {score: _number(record[score]) for score in columns if score != "params"}
        values = {
            score: value for score, value in found.items() if not (math.isnan(value) and note)
        }
        params = None if params in ("", None) else int(params)
        if "params" in columns and params is not None:
            values["params"] = float(params)
        # Only a failed network has no seconds.
        failure = NaswotError(f"{name} {note}") if math.isnan(seconds) else None
        rows[name] = Row(name, {} if failure else values, seconds, params, note, failure)
    return list(rows.values())


def _number(value: Any) -> float:
    return math.nan if value in ("", None) else float(value)
