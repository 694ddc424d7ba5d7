"""Read the files of NATS-Bench from a folder or from its tar archive."""

import contextlib
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from naswot.errors import NaswotError
from naswot.io.pickles import MAXIMUM_BYTES, decompressed
from naswot.io.tar import explained, members

_NAME = re.compile(r"(meta|[0-9]{6})\.pickle\.pbz2")


class Folder:
    """The files of a folder."""

    def __init__(self, path: Path):
        self.path = path

    def __contains__(self, name: str) -> bool:
        return (self.path / name).is_file()

    def origin(self, name: str) -> str:
        """Return how messages name a file."""
        return str(self.path / name)

    def decompressed(self, name: str) -> io.BytesIO:
        """Return the content of a file.

        Raises:
            NaswotError: it is missing, damaged or too large.
        """
        return decompressed(self.path / name)


class Tar:
    """The files of an uncompressed tar archive, in any order and in any folder."""

    def __init__(self, path: Path, stream: BinaryIO):
        """Read all headers of the archive that is open as `stream`.

        Raises:
            NaswotError: the archive is incomplete, or a member is no regular file or is too large.
        """
        self.path = path
        self._stream = stream
        self._places = _places(path, stream)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def origin(self, name: str) -> str:
        """Return how messages name a file."""
        return f"{self.path}: {name}"

    def decompressed(self, name: str) -> io.BytesIO:
        """Return the content of a file.

        Raises:
            NaswotError: it is missing, damaged or too large.
        """
        if name not in self:
            raise NaswotError(f"{self.path} has no {name}. Put the official archive in its place.")
        start, size = self._places[name]
        with explained(self.path):
            self._stream.seek(start)
            content = io.BytesIO(self._stream.read(size))
        return decompressed(content, origin=self.origin(name))


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Folder | Tar]:
    """Open the folder or the tar archive at `path`."""
    if path.is_file():
        with explained(path):
            stream = path.open("rb")
        with stream:
            yield Tar(path, stream)
    else:
        yield Folder(path)


def _places(path: Path, stream: BinaryIO) -> dict[str, tuple[int, int]]:
    """Return name → first byte and size in bytes. Of files with the same name the last one counts.

    This is how tar unpacks them.
    """
    places = {}
    with explained(path):
        for member in members(stream):
            name = member.name.rsplit("/", 1)[-1]
            if _NAME.fullmatch(name):
                _check(member, f"{path}: {name}")
                places[name] = member.offset_data, member.size
    return places


def _check(member: tarfile.TarInfo, origin: str) -> None:
    if not member.isreg() or member.issparse():
        raise NaswotError(
            f"{origin} is a link or another special file. Put the official archive in its place."
        )
    if not 0 <= member.size <= MAXIMUM_BYTES:
        raise NaswotError(
            f"{origin} has {member.size:,} bytes; no file of the benchmark is that large. Put the "
            "official archive in its place."
        )
