"""What every output says of where it comes from."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from naswot._version import __version__


def versions() -> dict[str, str]:
    """Return the versions that a number may depend on."""
    return {
        "naswot": __version__,
        "python": platform.python_version(),
        **{name: package_version(name) for name in ("torch", "numpy")},
    }


def package_version(name: str) -> str:
    """Return the installed version of distribution `name`, or "none"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def origin_of(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the metadata of a benchmark table say of the file that it was read from."""
    return {key: benchmark.get(key) for key in ("source_file", "source_sha256")}


def build_metadata(**settings: Any) -> dict[str, Any]:
    """Return `settings` with a hash over them, and the versions: the metadata of an output."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return {
        **settings,
        "settings_hash": hashlib.sha256(text.encode()).hexdigest()[:16],
        **versions(),
    }
