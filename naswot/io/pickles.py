"""Read pickles of plain data without executing any code that they name.

A pickle is a program that names functions and calls them. This reader knows a few names, those that
numbers, small arrays and dictionaries need, and replaces each by its own stand-in, which checks its
arguments and builds only data. A caller allows the names that its file format needs. Every other
name is refused before it is imported. A pickle that would crash the interpreter or fill the memory
is refused before anything is built (`naswot.io.pickle_guard`).
"""

import bz2
import io
import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from naswot.errors import NaswotError, shown
from naswot.io import pickle_guard

MAXIMUM_BYTES = 16 * 2**20  # ten times a file of NATS-Bench; its objects need 70 times that memory

ORDERED_DICT = frozenset({("collections", "OrderedDict")})
# numpy 2 renamed numpy.core to numpy._core; files use either name.
NUMPY_SCALARS = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy._core.multiarray", "scalar"),
    }
)
NUMPY_ARRAYS = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    }
)

# Python 3 writes bytes as text, and PyTorch its sets, under these names in pickles of protocol 2.
ENCODED = frozenset({("_codecs", "encode")})
PROTOCOL_2 = ENCODED | {("__builtin__", "set")}


def load(
    stream: BinaryIO,
    allowed: frozenset[tuple[str, str]],
    origin: str,
    known: bool = False,
    *,
    encoding: str = "ASCII",
    longest_text: int = 16,
    most_operations: int | None = None,
) -> Any:
    """Return the object that `stream` holds: containers, strings, numbers and `allowed` types.

    An OrderedDict becomes a plain dict in the same order, and a set of protocol 2 becomes a list.
    Numbers may be converted to the machine's byte order.

    Args:
        stream: a pickle of any protocol, an `io.BytesIO` or a file on disk.
        allowed: (module, name) pairs that it may refer to; a union of the sets of this module.
        origin: the file that messages name.
        known: whether a checksum shows that it is the published file; if so, it is not examined.
        encoding: encoding of Python 2 strings; "bytes" leaves them as bytes.
        longest_text: largest number of characters of bytes written as text; numbers have up to 16.
        most_operations: largest number of operations; None: any number.

    Raises:
        NaswotError: the pickle refers to any other name, is damaged, misuses an allowed name, or
            would need too much memory or stack.
    """
    try:
        if not known:
            pickle_guard.examine(stream, most_operations)
        return _Unpickler(stream, allowed, encoding, longest_text).load()
    except Exception as error:  # a damaged pickle can raise any kind
        raise NaswotError(
            f"{origin} cannot be read: {error or type(error).__name__}. It is damaged or not the "
            "file of this name; put the official file in its place."
        ) from error


def decompressed(
    file: str | Path | BinaryIO, maximum: int = MAXIMUM_BYTES, origin: str | None = None
) -> io.BytesIO:
    """Return the content of a bzip2 file, at a path or open, of at most `maximum` bytes.

    Messages name `origin`, or else the path.

    Raises:
        NaswotError: the file is missing or damaged, or decompresses to more than `maximum` bytes.
    """
    origin = origin or str(file)
    try:
        with bz2.open(file) as stream:
            content = stream.read(maximum + 1)
    except FileNotFoundError as error:
        raise NaswotError(f"{origin} does not exist.") from error
    except (OSError, EOFError) as error:
        raise NaswotError(
            f"{origin} is not a complete bzip2 file ({error}). Put an intact copy in its place."
        ) from error
    if len(content) > maximum:
        raise NaswotError(
            f"{origin} decompresses to more than {maximum:,} bytes; no file of the benchmark is "
            "that large. Put the benchmark's own file in its place."
        )
    return io.BytesIO(content)


class _Unpickler(pickle.Unpickler):  # noqa: TID251, finds only stand-ins
    def __init__(
        self,
        stream: BinaryIO,
        allowed: frozenset[tuple[str, str]],
        encoding: str,
        longest_text: int,
    ):
        super().__init__(stream, encoding=encoding)
        self.allowed = allowed
        self.stand_ins = _STAND_INS | {"encode": partial(_encode, longest_text)}

    def find_class(self, module: str, name: str):
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it tries to import {module[:60]}.{name[:60]}")
        return _Name(self.stand_ins[name])


class _Name:
    """The object that a pickle gets for a name: it can be called, but not read or changed."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]):
        self._make = make

    def __call__(self, *arguments: object) -> object:
        return self._make(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it tries to change an imported object")


class _Dtype:
    """A numeric dtype; object, structured and string dtypes are refused."""

    def __init__(self, code: str | bytes, align: bool = False, copy: bool = False):
        code = text_of(code)
        if not (isinstance(code, str) and re.fullmatch(r"b1|[iu][1248]|f[248]|c(8|16)", code)):
            raise pickle.UnpicklingError(f"it holds arrays or scalars of type {shown(code)}")
        self.numpy = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        order = text_of(state[1])
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"its numbers have byte order {shown(order)}")
        self.numpy = self.numpy.newbyteorder(order)


class _Array(np.ndarray):
    """An array whose values must fit the shape and the numeric dtype that the pickle states."""

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, content = state
        dtype = _numeric(dtype)
        if not isinstance(content, bytes) or len(content) != np.prod(shape) * dtype.itemsize:
            raise pickle.UnpicklingError(
                f"an array of shape {shown(shape)} has too few or too many values"
            )
        super().__setstate__((1, shape, dtype, bool(fortran), content))  # type: ignore[arg-type]


def _numeric(dtype: object) -> np.dtype:
    if not isinstance(dtype, _Dtype):
        raise pickle.UnpicklingError("it holds numbers without a type")
    return dtype.numpy


def _scalar(dtype: _Dtype, content: bytes) -> np.generic:
    return np.frombuffer(content, _numeric(dtype), count=1)[0]


def _reconstruct(subtype: object, shape: object, code: object) -> _Array:
    # Real pickles start with an empty array and set its shape, dtype and values afterwards.
    return _Array((0,), np.int8)


def _no_call(*arguments: object) -> None:
    raise pickle.UnpicklingError("it calls numpy.ndarray")


def _ordered_dict() -> dict:
    # Dictionaries keep their order. Take no arguments: real pickles add entries one by one, and
    # with arguments a few bytes could request endless copies.
    return {}


def _encode(longest: int, text: str, encoding: str | bytes) -> bytes:
    if text_of(encoding) != "latin1" or len(text) > longest:
        raise pickle.UnpicklingError(f"it encodes text as {shown(encoding)}")
    return text.encode("latin1")


def text_of(value: object) -> Any:
    """Return bytes, as from Python 2 strings, as str; return any other value unchanged."""
    return value.decode("latin1") if isinstance(value, bytes) else value


def _members(members: list) -> list:
    return members  # no copy, to avoid endless copies


_STAND_INS: dict[str, Callable[..., Any]] = {
    "set": _members,
    "OrderedDict": _ordered_dict,
    "dtype": _Dtype,
    "scalar": _scalar,
    "_reconstruct": _reconstruct,
    "ndarray": _no_call,
}
