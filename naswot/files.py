"""Files as the workflow writes and reads them: renamed into place, self-describing, checked.

A file under its final name is always whole: everything is written to a hidden neighbour
first and renamed; what a killed process left of it goes when the file is next written.
A Parquet file carries what made it as JSON under the metadata key ``naswot``;
:func:`read_parquet` turns damage into one message that names the file.
"""

import contextlib
import glob
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from naswot.errors import NaswotError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

METADATA_KEY = b"naswot"
ROW_GROUP = 1 << 17  # rows that are decoded at a time: a large table opens in less memory


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    When the block fails nothing is left under either name. What killed processes left of `path`
    is removed; what a living one is writing is locked, by the kernel and as long as it lives.

    Raises:
        NaswotError: the file cannot be written (disk full, read-only, no permission).
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(temporary):
            yield temporary
            os.replace(temporary, path)
        _sweep(path)
    except OSError as error:
        raise NaswotError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or change the "
            "permissions, then run the same command again: finished work is kept."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # where it could not be made, it cannot be removed
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _held(temporary: Path) -> Iterator[None]:
    """Create the file and lock it for the block, where there are locks."""
    if fcntl is None:
        yield
        return
    with temporary.open("ab") as stream:
        with contextlib.suppress(OSError):  # a file system without locks: then nothing is swept
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _sweep(path: Path) -> None:
    """Remove what killed processes left of `path` under temporary names."""
    if fcntl is None:
        return
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError), left.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def write_parquet(frame: pd.DataFrame | pa.Table, path: str | Path, metadata: dict) -> None:
    """Write `frame` and `metadata` (anything JSON can hold) to a zstd-compressed Parquet file."""
    table = frame
    if isinstance(frame, pd.DataFrame):
        table = pa.Table.from_pandas(frame, preserve_index=False)
    described = {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(metadata).encode()}
    with replacing(path) as temporary:
        table = table.replace_schema_metadata(described)
        pq.write_table(table, temporary, compression="zstd", row_group_size=ROW_GROUP)


def read_parquet(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file whole, or some of its columns.

    Raises:
        NaswotError: the file is missing, truncated, not Parquet, or lacks a column.
    """
    with _explained(path):
        return read_table(path, columns).to_pandas(split_blocks=True, self_destruct=True)


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet file as Arrow arrays, which lists stay cheap in; errors as `read_parquet`."""
    with _explained(path):
        present = pq.read_schema(path).names
        missing = [name for name in columns or [] if name not in present]
        if missing:
            raise NaswotError(f"{path} has no column {missing[0]!r}; it has {', '.join(present)}.")
        return pq.read_table(path, columns=columns)


def column_names(path: str | Path) -> list[str]:
    """Return the names of a Parquet file's columns; errors as `read_parquet`."""
    with _explained(path):
        return pq.read_schema(path).names


def read_metadata(path: str | Path) -> dict:
    """Return the JSON metadata of a Parquet file; empty if another program wrote the file."""
    with _explained(path):
        return json.loads((pq.read_schema(path).metadata or {}).get(METADATA_KEY, b"{}"))


def write_arrays(path: str | Path, metadata: dict, **arrays: np.ndarray) -> None:
    """Write named arrays and `metadata` to a compressed .npz file."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, metadata=json.dumps(metadata), **arrays)


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read every array of an .npz file; pickled objects are refused.

    Raises:
        NaswotError: the file is missing, damaged, or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except Exception as error:  # zipfile, zlib and numpy each raise their own kinds
        raise NaswotError(
            f"{path} is not a readable .npz archive of plain arrays ({error}). Put an intact copy "
            "in its place, or delete it if the workflow made it, and run again."
        ) from error


@contextlib.contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise NaswotError(
            f"{path} is not a readable Parquet file (truncated or corrupt: {error}). Put an intact "
            "copy in its place, or delete it if the workflow made it, and run again."
        ) from error
