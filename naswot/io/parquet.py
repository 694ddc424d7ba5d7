"""Parquet files as the workflow writes and reads them: self-describing, checked, bounded.

A file carries what made it as JSON under the metadata key ``naswot``, and the SHA-256 digest of
all its bytes, with zeros for the digest itself, under ``naswot-sha256``. :func:`read_parquet` turns
damage into one message that names the file.
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
BLOCK = 1 << 20  # bytes that are hashed at a time
MOST_VALUES = 500_000_000  # ten times those of NAS-Bench-101, and its texts
LARGEST_TEXTS_BYTES = 2**30
ROW_GROUP = 1 << 17  # rows that are decoded at a time: a large table opens in less memory


def write_parquet(frame: pd.DataFrame | pa.Table, path: str | Path, metadata: dict) -> None:
    """Write `frame` and `metadata` (anything JSON can hold) to a zstd-compressed Parquet file."""
    table = frame
    if isinstance(frame, pd.DataFrame):
        table = pa.Table.from_pandas(frame, preserve_index=False)
    described = {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(metadata).encode()}
    described.pop(DIGEST_KEY, None)  # of the file that the table was read from
    table = table.replace_schema_metadata(described)
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, table.schema, compression="zstd") as writer:
            writer.write_table(table, row_group_size=ROW_GROUP)
            writer.add_key_value_metadata({DIGEST_KEY.decode(): NO_DIGEST.decode()})
        with temporary.open("r+b") as stream:
            _, place = _stated_digest(stream)  # type: ignore[misc]
            digest = _digest(stream, place)
            stream.seek(place)
            stream.write(digest)


def digest_of(path: str | Path) -> str | None:
    """Return the SHA-256 digest that a Parquet file states of itself, in hexadecimal.

    None of a file that another program wrote. Two of our tables with the same digest are equal,
    in what they hold and in what they say of themselves.

    Raises:
        NaswotError: the file is missing, damaged or not Parquet.
    """
    with _explained(path), open(path, "rb") as stream:
        stated = _stated_digest(stream)
        if stated is None:
            pq.read_schema(path)  # which raises where the file was cut
            return None
        digest, place = stated
        if _digest(stream, place) != digest:
            raise ValueError("its bytes do not match their checksum")
        return digest.decode()


def _stated_digest(stream: BinaryIO) -> tuple[bytes, int] | None:
    """Return the digest that a Parquet file states, and its place; None if there is none."""
    end = stream.seek(-8, os.SEEK_END)
    size = int.from_bytes(stream.read(4), "little")
    start = stream.seek(max(0, end - size))
    footer = stream.read(end - start)
    found = STATED.search(footer)
    return None if found is None else (found[1], start + found.start(1))


def _digest(stream: BinaryIO, place: int) -> bytes:
    """Hash a file with zeros for the digest that stands at `place`."""
    sha256 = hashlib.sha256()
    stream.seek(0)
    left = place
    while left and (block := stream.read(min(left, BLOCK))):
        sha256.update(block)
        left -= len(block)
    sha256.update(NO_DIGEST)
    stream.seek(place + len(NO_DIGEST))
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
    except Exception as error:  # what pandas left in the metadata can mislead it in any way
        raise _unreadable(path, error) from error
    # Metadata may make a column the frame's index.
    lacking = [name for name in columns or [] if name not in frame]
    if lacking:
        raise NaswotError(f"{path} has {lacking[0]!r} as an index, not as a column.")
    strange = [name for name in frame.columns if not isinstance(name, str)]
    if strange:
        raise NaswotError(f"{path} has a column {shown(strange[0])} whose name is no text.")
    return frame


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet file as Arrow arrays, which lists stay cheap in; errors as `read_parquet`."""
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
    """Read a file that may say in a few bytes that one value comes a billion times.

    Raises:
        ValueError: it would fill the memory, or has texts that are no UTF-8.
    """
    with pq.ParquetFile(path) as file:
        about, schema = file.metadata, file.schema_arrow
    # What is said of single columns is not asked for: of some damaged files, pyarrow ends the
    # interpreter when it is.
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
        place, field = table.schema.get_field_index(name), schema.field(name)
        table = table.set_column(place, field, table.column(name).cast(field.type))
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
            raise ValueError("its metadata is no JSON object")
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
        RuntimeError,  # of C++, and a recursion that is too deep
        ValueError,
    ) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: Exception) -> NaswotError:
    return NaswotError(
        f"{path} is not a readable Parquet file (truncated or corrupt: {str(error)[:400]}). Put an "
        "intact copy in its place; what the workflow made is made again by the same command."
    )
