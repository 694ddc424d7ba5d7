"""Write and read Parquet files with metadata, a checksum and a bound on their size.

A file carries the settings that made it as JSON under the metadata key ``naswot``. Under
``naswot-sha256`` it carries the SHA-256 digest of all its bytes, with zeros in place of the digest
itself. :func:`read_parquet` reports damage in one message that names the file.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from naswot.errors import NaswotError, shown
from naswot.io.atomic import replacing

METADATA_KEY = b"naswot"
DIGEST_KEY = b"naswot-sha256"
NO_DIGEST = b"0" * 64
STATED = re.compile(DIGEST_KEY + rb"\x18@([0-9a-f]{64})")  # a key and its value in a footer
BLOCK = 1 << 20  # bytes hashed at a time
MOST_VALUES = 500_000_000  # this and the next: ten times the values and texts of NAS-Bench-101
LARGEST_TEXTS_BYTES = 2**30
ROW_GROUP = 1 << 17  # rows decoded at a time, so that a large table needs less memory


def write_parquet(frame: pd.DataFrame | pa.Table, path: str | Path, metadata: dict) -> None:
    """Write `frame` and `metadata` (anything JSON can hold) to a zstd-compressed Parquet file."""
    table = frame
    if isinstance(frame, pd.DataFrame):
        table = pa.Table.from_pandas(frame, preserve_index=False)
    described = {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(metadata).encode()}
    described.pop(DIGEST_KEY, None)  # digest of the file from which the table was read
    table = table.replace_schema_metadata(described)
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, table.schema, compression="zstd") as writer:
            writer.write_table(table, row_group_size=ROW_GROUP)
            writer.add_key_value_metadata({DIGEST_KEY.decode(): NO_DIGEST.decode()})
        with temporary.open("r+b") as stream:
            _, position = _stated_digest(stream)  # type: ignore[misc]
            digest = _digest(stream, position)
            stream.seek(position)
            stream.write(digest)


def digest_of(path: str | Path) -> str | None:
    """Return the SHA-256 digest inside a Parquet file, in hexadecimal, after checking it.

    Return None for a file that another program wrote. Two of our tables with the same digest have
    the same content and the same metadata.

    Raises:
        NaswotError: the file is missing, damaged or not Parquet.
    """
    with _explained(path), open(path, "rb") as stream:
        stated = _stated_digest(stream)
        if stated is None:
            pq.read_schema(path)  # raises if the file is truncated
            return None
        digest, position = stated
        if _digest(stream, position) != digest:
            raise ValueError("its bytes do not match their checksum")
        return digest.decode()


def _stated_digest(stream: BinaryIO) -> tuple[bytes, int] | None:
    """Return the digest inside a Parquet file and its byte position; None if there is none."""
    end = stream.seek(-8, os.SEEK_END)
    size = int.from_bytes(stream.read(4), "little")
    start = stream.seek(max(0, end - size))
    footer = stream.read(end - start)
    found = STATED.search(footer)
    return None if found is None else (found[1], start + found.start(1))


def _digest(stream: BinaryIO, position: int) -> bytes:
    """Hash a file, with zeros in place of the digest at byte `position`."""
    sha256 = hashlib.sha256()
    stream.seek(0)
    left = position
    while left and (block := stream.read(min(left, BLOCK))):
        sha256.update(block)
        left -= len(block)
    sha256.update(NO_DIGEST)
    stream.seek(position + len(NO_DIGEST))
    while block := stream.read(BLOCK):
        sha256.update(block)
    return sha256.hexdigest().encode()


def read_parquet(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file whole, or some of its columns.

    Raises:
        NaswotError: the file is missing, damaged, not Parquet, or lacks a column.
    """
    table = read_table(path, columns)
    try:
        frame = table.to_pandas(split_blocks=True, self_destruct=True)
    except Exception as error:  # damaged pandas metadata can raise anything
        raise _unreadable(path, error) from error
    # Metadata may make a column the frame's index.
    lacking = [name for name in columns or [] if name not in frame]
    if lacking:
        raise NaswotError(f"{path} has {lacking[0]!r} as an index, not as a column.")
    strange = [name for name in frame.columns if not isinstance(name, str)]
    if strange:
        raise NaswotError(f"{path} has a column {shown(strange[0])} whose name is not text.")
    return frame


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet file as Arrow arrays, which store lists cheaply; errors as `read_parquet`."""
    digest_of(path)
    with _explained(path):
        present = pq.read_schema(path).names
        missing = [name for name in columns or [] if name not in present]
        if missing:
            raise NaswotError(f"{path} has no column {missing[0]!r}; it has {', '.join(present)}.")
        double = [name for name in present if present.count(name) > 1]
        if double:
            raise NaswotError(f"{path} has two columns {shown(double[0])}; rename one.")
        return _bounded_table(path, columns)


def _bounded_table(path: str | Path, columns: Sequence[str] | None) -> pa.Table:
    """Read a Parquet file with bounds: a few of its bytes can stand for a billion equal values.

    Raises:
        ValueError: the table would fill the memory, or has texts that are not UTF-8.
    """
    with pq.ParquetFile(path) as file:
        about, schema = file.metadata, file.schema_arrow
    # Do not read the metadata of single columns: for some damaged files, pyarrow then crashes the
    # interpreter.
    if about.num_rows * about.num_columns > MOST_VALUES:
        raise ValueError(f"it claims {about.num_rows:,} rows of {about.num_columns:,} columns")
    texts = [
        field.name
        for field in schema
        if (pa.types.is_string(field.type) or pa.types.is_large_string(field.type))
        and (columns is None or field.name in columns)
    ]
    table = pq.read_table(path, columns=columns, read_dictionary=texts)
    bytes_left = LARGEST_TEXTS_BYTES
    for name in texts:
        for chunk in table.column(name).chunks:
            lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
            bytes_left -= pc.sum(lengths).as_py() or 0
        if bytes_left < 0:
            raise ValueError(f"its texts would have more than {LARGEST_TEXTS_BYTES:,} bytes")
        number, field = table.schema.get_field_index(name), schema.field(name)
        table = table.set_column(number, field, table.column(name).cast(field.type))
    table.validate(full=True)
    return table


def column_names(path: str | Path) -> list[str]:
    """Return the names of a Parquet file's columns; errors as `read_parquet`."""
    with _explained(path):
        return pq.read_schema(path).names


def read_metadata(path: str | Path) -> dict:
    """Return the JSON metadata of a Parquet file; empty if another program wrote the file."""
    with _explained(path):
        described = json.loads((pq.read_schema(path).metadata or {}).get(METADATA_KEY, b"{}"))
        if not isinstance(described, dict):
            raise ValueError("its metadata is not a JSON object")
        return described


@contextlib.contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except (
        pa.ArrowException,
        ArithmeticError,
        IndexError,
        MemoryError,
        OSError,
        RuntimeError,  # from C++, or recursion that is too deep
        ValueError,
    ) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: Exception) -> NaswotError:
    return NaswotError(
        f"{path} is not a readable Parquet file (truncated or corrupt: {str(error)[:400]}). Put an "
        "intact copy in its place; if the workflow made it, run the same command again."
    )
