"""The packages that only parts of naswot need, and what to install where one is missing."""

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from naswot.errors import NaswotError

# Module → the smallest extra of pyproject.toml that has its package.
EXTRA_OF: Mapping[str, str] = MappingProxyType(
    {
        "bokeh": "report",
        "docutils": "report",
        "google_crc32c": "benchmarks",
        "jinja2": "report",
        "jsonschema": "workflow",
        "markupsafe": "report",
        "matplotlib": "report",
        "numba": "fast",
        "onnx": "search",
        "onnxruntime": "search",
        "onnxscript": "search",
        "optuna": "search",
        "pyarrow": "benchmarks",
        "requests": "benchmarks",
        "sklearn": "benchmarks",
        "snakemake": "workflow",
        "tenacity": "benchmarks",
        "timm": "zoo",
        "torchvision": "zoo",
    }
)


class MissingPackageError(NaswotError, ImportError):
    """A package of an extra is not installed."""


@contextlib.contextmanager
def extras_named(extra: str | None = None) -> Iterator[None]:
    """Name the extra to install if a package of one cannot be imported.

    Args:
        extra: the one that has everything for the task; None: the smallest that has the package.

    Raises:
        MissingPackageError: instead of the ImportError of such a package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRA_OF:
            raise
        advice = f"pip install 'naswot[{extra or EXTRA_OF[missing]}]'"
        raise MissingPackageError(
            f"The package {missing} is not installed: run {advice}.", name=error.name
        ) from error
