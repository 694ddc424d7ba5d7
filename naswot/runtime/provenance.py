"""Build the metadata of outputs: settings, their hash, and versions."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from naswot._version import __version__


def versions() -> dict[str, str]:
    """Return the versions of the software that results may depend on."""
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
    """Return the name and checksum of the source file, from a benchmark table's metadata."""
    return {key: benchmark.get(key) for key in ("source_file", "source_sha256")}


def build_metadata(**settings: Any) -> dict[str, Any]:
    """Return the metadata of an output: `settings`, a hash of them, and the versions."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return {
        **settings,
        "settings_hash": hashlib.sha256(text.encode()).hexdigest()[:16],
        **versions(),
    }
