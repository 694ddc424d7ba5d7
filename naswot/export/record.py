"""The record of an export, `export.json`: which network is in the folder, and what was checked."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naswot.errors import NaswotError, shown
from naswot.io.atomic import replacing

RECORD = "export.json"


def check_folder(folder: Path, settings: Mapping[str, Any]) -> None:
    """Raise unless `folder` is absent, empty, or an export with the same settings.

    Raises:
        NaswotError: it is something else.
    """
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
        if not folder.is_dir():
            raise NaswotError(f"{folder} is a file; name a folder.")
    except OSError as error:
        raise NaswotError(f"{folder} cannot be read: {error.strerror or error}.") from error
    found, asked = _settings(folder / RECORD), json.loads(_text(settings))
    if found == asked:
        return
    holds = "holds other files"
    if isinstance(found, dict):
        other = next(key for key in {**found, **asked} if found.get(key) != asked.get(key))
        there, here = shown(found.get(other)), shown(asked.get(other))
        holds = f"holds another export ({other}: {there}, not {here})"
    raise NaswotError(f"{folder} {holds}. Name another folder, or allow it with --overwrite.")


def write_record(folder: Path, settings: Mapping[str, Any], **results: Any) -> None:
    """Write the record. Raises `NaswotError` if the file cannot be written."""
    with replacing(folder / RECORD) as temporary:
        temporary.write_text(_text({"settings": settings, **results}) + "\n", encoding="utf-8")


def _settings(path: Path) -> Any:
    """Return the settings of an earlier export; None if there is no record that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return None
    return found.get("settings") if isinstance(found, dict) else None


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, default=str, ensure_ascii=False)
