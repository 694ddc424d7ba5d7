"""Read files of PyTorch (.pth) that hold plain data and no tensors, without PyTorch.

Such a file is a pickle, stored in a zip archive (since PyTorch 1.6) or behind pickles that describe
the format (before). The whole content has to be in memory at once, about five times the size of the
file.
"""

import contextlib
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from naswot.errors import NaswotError
from naswot.io.pickles import load

# The first pickle of an older PyTorch file (torch/serialization.py).
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


def load_plain(path: Path, allowed: frozenset[tuple[str, str]]) -> Any:
    """Return the object that a file holds; `allowed` as for `naswot.io.pickles.load`.

    Raises:
        NaswotError: the file is missing or damaged, or holds anything but plain data.
    """
    with _main_pickle(path, allowed) as stream:
        return load(stream, allowed, str(path))


@contextlib.contextmanager
def _main_pickle(path: Path, allowed: frozenset[tuple[str, str]]) -> Iterator[BinaryIO]:
    """Open a PyTorch file at the start of the pickle that holds the saved object."""
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                stream.seek(0)
                if load(stream, allowed, str(path)) != _MAGIC_NUMBER:
                    raise NaswotError(f"{path} is not a PyTorch file.")
                load(stream, allowed, str(path))  # version of the format
                load(stream, allowed, str(path))  # byte sizes of numbers on the writing machine
                yield stream
                return
            with zipfile.ZipFile(stream) as archive:
                members = [m for m in archive.infolist() if m.filename.endswith("/data.pkl")]
                if len(members) != 1 or members[0].compress_type != zipfile.ZIP_STORED:
                    raise NaswotError(f"{path} is not a PyTorch file.")
                with archive.open(members[0]) as member:
                    while member.read(2**20):  # to the end, where zipfile compares the checksum
                        pass
            stream.seek(_start(stream, members[0].header_offset))
            yield stream
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except (
        EOFError,
        OSError,
        RuntimeError,  # from zipfile: a password, or an unknown version or compression
        ValueError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        raise NaswotError(
            f"{path} cannot be read ({error}). Put an intact copy in its place."
        ) from error


def _start(stream: BinaryIO, header: int) -> int:
    """Return the offset of a zip member's content, given the offset `header` of its header.

    `zipfile` does not tell this offset, and the pickle is read directly from the file.
    """
    stream.seek(header)
    name, extra = struct.unpack("<26xHH", stream.read(30))
    return header + 30 + name + extra
