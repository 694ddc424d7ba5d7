"""Read the tables of results that timm publishes of its networks with trained weights.

They are CSV files in the folder ``results`` of huggingface/pytorch-image-models (Apache-2.0), and
come in two forms, which a file's header tells:

- ``results-imagenet.csv`` and others: ``model``, ``top1`` and ``top5`` in percent, ``param_count``
  in millions, ``img_size``, …;
- ``benchmark-infer-….csv`` and ``benchmark-train-….csv``: ``model``, and with the prefix ``infer_``
  or ``train_`` ``samples_per_sec``, ``step_time`` (milliseconds of a batch), ``batch_size`` and
  ``img_size``; ``param_count``; sometimes ``infer_gmacs`` (10⁹ multiply-adds of an image). The
  file's name tells precision, layout, torch and device.
"""

import csv
import math
from pathlib import Path

import pandas as pd

from naswot.errors import NaswotError, shown

# Column of the file → our column, and what a number of the file is multiplied by.
ACCURACIES = {"img_size": ("image_size", 1), "top1": ("top1", 1), "top5": ("top5", 1)}
SPEEDS = {
    "img_size": ("image_size", 1),
    "batch_size": ("batch_size", 1),
    "samples_per_sec": ("images_per_second", 1),
    "step_time": ("batch_ms", 1),
}
SHARED = {"param_count": ("params", 10**6)}
OPTIONAL = {"infer_gmacs": ("macs", 10**9)}
WHOLE = ("image_size", "batch_size", "params", "macs")
PHASES = ("infer", "train")


def read_results(path: str | Path) -> pd.DataFrame:
    """Return a table of results, one row per row of the file, in its order.

    Columns:

    - ``network``: the name in timm; ``architecture``: the name without its tag of weights, such as
      ``resnet50`` of ``resnet50.a1_in1k``; ``file``: the name of the file, which tells the data set
      or the device;
    - ``image_size``: side in pixels; ``params``: parameters, as exact as the file (0.01 million);
    - of accuracies, ``top1`` and ``top5``: percent;
    - of speeds, ``images_per_second``, ``batch_ms``: milliseconds of a batch of ``batch_size``
      images; ``macs``: multiply-adds of one image, if the file has them.

    Whole numbers are Int64. A field that is empty in the file is a gap. A network may have a row
    for each of several image sizes.

    Raises:
        NaswotError: the file cannot be read or is of neither form, or a row is malformed or double;
            the message counts rows from 1.
    """
    path = Path(path)
    header, rows = _rows(path)
    columns = _columns(path, header)
    found = []
    for number, row in enumerate(rows, start=1):
        name = row.get("model")
        if not name or None in row or None in row.values():
            raise NaswotError(f"{path}, row {number}: there are not {len(header)} fields.")
        numbers = {
            ours: _number(row[theirs], factor, f"{path}, row {number}: {theirs}")
            for theirs, (ours, factor) in columns.items()
        }
        if numbers.get("top1", 0) > 100:
            raise NaswotError(f"{path}, row {number}: top1 is {numbers['top1']:g}, not a percent.")
        found.append(
            {"network": name, "architecture": name.split(".")[0], "file": path.name} | numbers
        )
    names = ["network", "architecture", "file", *(ours for ours, _ in columns.values())]
    table = pd.DataFrame(found, columns=names)
    whole = [name for name in WHOLE if name in table]
    table[whole] = table[whole].astype(float).round().astype("Int64")
    keys = [name for name in ("network", "image_size", "batch_size") if name in table]
    double = table.index[table.duplicated(keys)]
    if len(double):
        name = table["network"][double[0]]
        raise NaswotError(f"{path}, row {double[0] + 1}: {name} of this size is there twice.")
    return table


def _rows(path: Path) -> tuple[list[str], list[dict]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            return list(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise NaswotError(f"{path} cannot be read: {error.strerror}.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise NaswotError(f"{path} is not a CSV file with commas: {error}.") from error


def _columns(path: Path, header: list[str]) -> dict[str, tuple[str, int]]:
    """Return the columns of the form that the header has."""
    optional = {name: column for name, column in OPTIONAL.items() if name in header}
    forms = [ACCURACIES | SHARED]
    for phase in PHASES:
        prefixed = {f"{phase}_{name}": column for name, column in SPEEDS.items()}
        forms.append(prefixed | SHARED | optional)
    for form in forms:
        if {"model", *form} <= set(header):
            return form
    raise NaswotError(
        f"{path} is no table of timm's results: its columns are {', '.join(header) or 'missing'}, "
        f"not model with {', '.join(ACCURACIES)}, or with infer_samples_per_sec and so on."
    )


def _number(text: str, factor: int, origin: str) -> float:
    """Return a number that may have commas between its thousands; NaN for an empty field."""
    try:
        value = float(text.replace(",", "")) if text.strip() else math.nan
    except ValueError:
        value = -1.0
    if value < 0 or math.isinf(value):
        raise NaswotError(f"{origin} is {shown(text)}, not a number from 0.")
    return value * factor
