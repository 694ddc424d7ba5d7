"""Read tar archives member by member, in bounded memory and time, without writing to disk.

`tarfile` reads a header of any stated length into memory, and keeps every header. In a compressed
archive of a few kilobytes, either can take many gigabytes.
"""

import contextlib
import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from naswot.errors import NaswotError

LARGEST_HEADER_BYTES = 2**17  # including a long name or attributes before it
MOST_MEMBERS = 1_000_000


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors from a damaged archive into one message that names it."""
    try:
        yield
    except NaswotError:
        raise
    except Exception as error:  # tarfile, gzip and zlib each raise many kinds
        raise NaswotError(
            f"{path} is not a readable tar archive (truncated or corrupt: {error}). Put an intact "
            "copy in its place."
        ) from error


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open an archive; decompress it if it is compressed with gzip."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if not packed:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as content:
            yield content  # type: ignore[misc]


def members(stream: BinaryIO, largest: int | None = None) -> Iterator[tarfile.TarInfo]:
    """Yield the members of the archive that is open as `stream`, in order.

    Args:
        stream: an uncompressed archive. The content of a regular file begins at `offset_data`.
        largest: largest size of the archive in bytes, including members that the caller skips;
            None: any size.

    Raises:
        tarfile.TarError: the archive is incomplete, or a header, the number of members or the size
            exceeds its bound. A damaged archive can also raise other errors; see `explained`.
    """
    bounded = _Bounded(stream)
    with tarfile.open(fileobj=bounded, mode="r:") as archive:  # type: ignore[call-overload]
        for _ in range(MOST_MEMBERS):
            bounded.left = LARGEST_HEADER_BYTES
            member = archive.next()
            if member is None:
                break
            archive.members.clear()  # otherwise every header of the archive stays in memory
            if archive.offset <= member.offset:  # a negative size would cause an endless loop
                raise tarfile.ReadError(f"the member at byte {member.offset:,} has no end")
            if largest is not None and archive.offset > largest:
                raise tarfile.ReadError(f"it has more than {largest:,} bytes")
            yield member
        else:
            raise tarfile.ReadError(f"it has more than {MOST_MEMBERS:,} members")
    # tarfile takes a truncated or damaged header for the end; the real end is a block of zeros.
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"no header and no end at byte {archive.offset:,}")


class _Bounded:
    """A stream for tarfile's headers that allows at most `left` bytes until it is set again."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.left = LARGEST_HEADER_BYTES
        self.tell, self.seek = stream.tell, stream.seek

    def read(self, size: int) -> bytes:
        self.left -= size
        if self.left < 0:
            raise tarfile.ReadError(f"the header before byte {self.tell():,} is too long")
        return self._stream.read(size)
