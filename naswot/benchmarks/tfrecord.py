"""Read TFRecord files and protobuf messages, as far as NASBench-101 uses them; no TensorFlow.

A TFRecord file is a sequence of records: the length of the data (uint64), its checksum, the
data, and the data's checksum (both uint32, little-endian). Checksums are CRC-32C, masked:
rotated right by 15 bits, plus a constant, modulo 2³² (tensorflow/core/lib/io/record_writer.h).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_crc32c

from naswot.errors import NaswotError

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_DOUBLE = struct.Struct("<d")
_MASK = 0xA282EAD8


def masked_crc32c(data: bytes) -> int:
    """Return the checksum that a TFRecord file stores for `data`."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def records(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield the byte offset and the data of each record of `path`, after checking its checksums.

    Raises:
        NaswotError: the file is missing, ends within a record, or a checksum differs; the
            message has the record's byte offset.
    """
    try:
        with Path(path).open("rb", buffering=2**20) as stream:
            size = Path(path).stat().st_size
            offset = 0
            while header := stream.read(_HEADER.size):
                if len(header) < _HEADER.size:
                    raise _damaged(path, offset, "the file ends within it")
                length, checksum = _HEADER.unpack(header)
                if masked_crc32c(header[:8]) != checksum:
                    raise _damaged(path, offset, "the checksum of its length differs")
                end = offset + _HEADER.size + length + _CHECKSUM.size
                if end > size:
                    raise _damaged(path, offset, "the file ends within it")
                data = stream.read(length)
                (checksum,) = _CHECKSUM.unpack(stream.read(_CHECKSUM.size))
                if masked_crc32c(data) != checksum:
                    raise _damaged(path, offset, "its checksum differs")
                yield offset, data
                offset = end
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except (OSError, struct.error) as error:
        raise NaswotError(f"{path} cannot be read: {error}.") from error


def _damaged(path: str | Path, offset: int, reason: str) -> NaswotError:
    return NaswotError(
        f"{path} is damaged: of the record at byte {offset:,}, {reason}. Put an intact copy of "
        "the TFRecord file in its place."
    )


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the number and value of each field of a protobuf message, in the message's order.

    Fixed 64-bit fields are read as doubles, fixed 32-bit fields as bytes.

    Raises:
        ValueError: the message ends within a field, or has a field of an unknown kind.
    """
    position, end = 0, len(message)
    while position < end:
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 1:
            if position + 8 > end:
                raise ValueError("a protobuf message ends within a field")
            (value,) = _DOUBLE.unpack_from(message, position)
            position += 8
        elif kind == 0:
            value, position = _varint(message, position)
        elif kind in (2, 5):
            length, position = _varint(message, position) if kind == 2 else (4, position)
            value = message[position : position + length]
            position += length
            if position > end:
                raise ValueError("a protobuf message ends within a field")
        else:
            raise ValueError(f"a protobuf message has a field of kind {kind}")
        yield tag >> 3, value


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the number at `position`, 7 bits per byte, lowest first; and the position after it."""
    number = shift = 0
    while position < len(message) and shift < 70:  # protobuf allows ten bytes at most
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise ValueError("a protobuf message ends within a number, or has one of more than ten bytes")
