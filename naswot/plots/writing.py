"""Draw figures and write them to files."""

import importlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.io.atomic import replacing
from naswot.plots.registry import FIGURES

# Columns of CSV files that are read as text, even if their values look like numbers.
WORDS = dict.fromkeys(("band", "code", "level", "note"), str)


def plot_figure(
    name: str,
    inputs: Mapping[str, str | Path | Sequence[str | Path]],
    outputs: Iterable[str | Path],
    settings: Mapping[str, Any],
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Draw a figure and write it to each of `outputs`, whose suffixes give the formats.

    Args:
        name: a key of `naswot.plots.registry.FIGURES`.
        inputs: argument of the figure's function → file or files; a CSV file is passed as a table,
            any other file as its path.
        outputs: e.g. a .png and a .pdf file.
        settings: other arguments of the function.
        catalogue: the search spaces of the run, for functions that need their titles.

    Raises:
        NaswotError: a file is damaged, or there is nothing to draw.
    """
    module, _, function = FIGURES[name].function.partition(".")
    draw = getattr(importlib.import_module(f"naswot.plots.{module}"), function)  # noqa: TID251, ours
    if "catalogue" in inspect.signature(draw).parameters:
        settings = {**settings, "catalogue": catalogue}
    save(draw(**{key: _read(value) for key, value in inputs.items()}, **settings), outputs)


def _read(files: Any) -> Any:
    if isinstance(files, str | Path) and str(files).endswith(".csv"):
        return pd.read_csv(files, dtype=WORDS)
    return files


def save(figure: plt.Figure, outputs: Iterable[str | Path]) -> None:
    """Write a figure to each of `outputs`, whose suffixes give the formats, and close it."""
    for output in outputs:
        with replacing(output) as temporary:
            figure.savefig(temporary, format=Path(output).suffix[1:], dpi=200)
    plt.close(figure)
