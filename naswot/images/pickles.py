"""Pickled batches of images, read without running anything that they name.

The datasets of CIFAR and ImageNet16-120 come as pickles of one dict of lists, strings and
NumPy arrays. A pickle may call whatever it can import, so nothing is imported: the three names
that an array is pickled with stand for inert classes of this module, and every other name is
refused. Python 2's strings come as bytes; the keys of the dict are given back as str.
"""

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from naswot.errors import NaswotError, shown
from naswot.io import pickle_guard

# The kinds of numbers that a batch may hold: unsigned, signed, floating.
KINDS = "uif"

# The largest batch, of CIFAR-100, has some 150,000 operations.
MOST_OPERATIONS = 10_000_000


class _Dtype:
    """Stands for numpy.dtype: remembers the type code and, as its state, the byte order."""

    def __init__(self, code: bytes | str, align: int, copy: int):
        self.code, self.order = _text(code), "|"

    def __setstate__(self, state: tuple):
        self.order = _text(state[1])


class _Array:
    """Stands for numpy.core.multiarray._reconstruct: the contents come as the array's state."""

    def __init__(self, kind: type, shape: tuple, code: bytes | str):
        self.values = None

    def __setstate__(self, state: tuple):
        _, shape, dtype, in_columns, content = state
        number = np.dtype(dtype.order + dtype.code)
        if number.kind not in KINDS:
            raise pickle.UnpicklingError(f"it has an array of {number}")
        values = np.frombuffer(content, number)
        self.values = values.reshape(shape, order="F" if in_columns else "C")


class _Ndarray:
    """Stands for numpy.ndarray, which is named as the kind of array and never called."""

    def __new__(cls, *arguments: Any):
        raise pickle.UnpicklingError("it calls numpy.ndarray")

    def __setstate__(self, state: Any):
        raise pickle.UnpicklingError("it changes a class")


class _Latin1:
    """Stands for _codecs.encode, by which Python 3 writes bytes that Python 2 can read."""

    def __new__(cls, text: str, encoding: bytes | str):
        if _text(encoding) != "latin1":
            raise pickle.UnpicklingError(f"it has text in {shown(encoding)}")
        return text.encode("latin1")

    def __setstate__(self, state: Any):
        raise pickle.UnpicklingError("it changes a function")


STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Ndarray,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Latin1,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in STAND_INS:
            raise pickle.UnpicklingError(f"it wants to import {module[:60]}.{name[:60]}")
        return STAND_INS[module, name]


def read_batch(stream: BinaryIO, origin: str | Path) -> dict[str, Any]:
    """Return the dict that is pickled in `stream`; its arrays as read-only NumPy arrays.

    Args:
        stream: where the pickle is read from, an `io.BytesIO` or a file on disk.
        origin: the file that the messages name.

    Raises:
        NaswotError: the pickle is damaged, is no dict, or names anything but arrays.
    """
    try:
        pickle_guard.examine(stream, MOST_OPERATIONS)
        batch = _ArrayUnpickler(stream, encoding="bytes").load()
        if not isinstance(batch, dict):
            raise pickle.UnpicklingError(f"it holds a {type(batch).__name__}, not a dict")
        return {
            _text(key): value.values if isinstance(value, _Array) else value
            for key, value in batch.items()
        }
    except Exception as error:  # a damaged pickle may fail in any operation that it spells
        raise NaswotError(
            f"{origin} is not a readable pickle of images ({error or type(error).__name__}). Put "
            "an intact copy of the official file in its place."
        ) from error


def images_of(batch: dict[str, Any], side: int, origin: str | Path) -> np.ndarray:
    """Return the array `data` of a batch, stored channel by channel, as uint8 (N, side, side, 3).

    Raises:
        NaswotError: `data` is absent or of another type or shape.
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
        NaswotError: they are absent, too many, too few or out of range.
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


def _text(value: bytes | str) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
