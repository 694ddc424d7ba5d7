"""Read pickled batches of images: CIFAR and ImageNet16-120 are pickles of one dict of arrays."""

import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from naswot.errors import NaswotError, shown
from naswot.io.pickles import ENCODED, NUMPY_ARRAYS, load, text_of

KINDS = "uif"  # of NumPy's arrays of images and labels: unsigned, signed, floating

# The largest batch, of CIFAR-100, has about 150,000 pickle operations.
MOST_OPERATIONS = 10_000_000


def read_batch(stream: BinaryIO, origin: str | Path) -> dict[str, Any]:
    """Return the dict that is pickled in `stream`, with keys as str.

    Args:
        stream: an `io.BytesIO` or a file on disk.
        origin: the file, for messages.

    Raises:
        NaswotError: the pickle is damaged, is not a dict, or holds objects other than arrays.
    """
    batch = load(
        stream,
        NUMPY_ARRAYS | ENCODED,
        str(origin),
        encoding="bytes",  # Python 2's strings
        longest_text=sys.maxsize,  # Python 3 writes array bytes as text in pickles for Python 2
        most_operations=MOST_OPERATIONS,
    )
    if not isinstance(batch, dict):
        raise NaswotError(
            f"{origin} holds a {type(batch).__name__}, not a dict of images. Put an intact copy of "
            "the official file in its place."
        )
    for value in batch.values():
        if isinstance(value, np.ndarray) and value.dtype.kind not in KINDS:
            raise NaswotError(
                f"{origin} holds an array of {value.dtype}, which images and labels are not. Put "
                "an intact copy of the official file in its place."
            )
    return {text_of(key): value for key, value in batch.items()}


def images_of(batch: dict[str, Any], side: int, origin: str | Path) -> np.ndarray:
    """Return the array `data` of a batch, stored channel by channel, as uint8 (N, side, side, 3).

    Raises:
        NaswotError: `data` is missing or has another type or shape.
    """
    data = batch.get("data")
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != 3 * side * side
    ):
        raise NaswotError(
            f"{origin} should hold 'data', uint8 of shape (N, {3 * side * side}); it holds "
            f"{shown(list(batch)) if batch else 'nothing'}."
        )
    return data.reshape(-1, 3, side, side).transpose(0, 2, 3, 1)


def labels_of(
    batch: dict[str, Any], key: str, count: int, smallest: int, largest: int, origin: str | Path
) -> np.ndarray:
    """Return the `count` labels under `key`, int64 (count,), each from `smallest` to `largest`.

    Raises:
        NaswotError: they are missing, too many, too few or out of range.
    """
    labels = batch.get(key)
    if isinstance(labels, np.ndarray) and labels.shape == (count,):
        labels = labels.tolist()
    if not isinstance(labels, list) or len(labels) != count:
        raise NaswotError(f"{origin} should hold {count} labels under the name {key!r}.")
    for label in labels:
        if type(label) is not int or not smallest <= label <= largest:
            raise NaswotError(
                f"{origin} has the label {shown(label)}; labels are from {smallest} to {largest}."
            )
    return np.array(labels, np.int64)
