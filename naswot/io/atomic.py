"""Files as the workflow writes them: whole or absent.

A file under its final name is always whole: everything is written to a hidden neighbour first and
renamed; what a killed process left of it goes when the file is next written.
"""

import contextlib
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from naswot.errors import NaswotError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    When the block fails nothing is left under either name. What killed processes left of `path`
    is removed; what a living one is writing is locked, by the kernel and as long as it lives.

    Raises:
        NaswotError: the file cannot be written (disk full, read-only, no permission).
    """
    path, temporary = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(path) as temporary:
            yield temporary
            os.replace(temporary, path)
        _sweep(path)
    except OSError as error:
        raise NaswotError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or change the "
            "permissions, then run the same command again: finished work is kept."
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; the file is there and locked, where there are locks."""
    while True:
        # Not by the process's number: on a cluster two nodes may give the same.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        if fcntl is None:
            yield temporary
            return
        with temporary.open("xb") as stream:
            if _is_ours(stream):
                yield temporary
                return


def _is_ours(stream: BinaryIO) -> bool:
    """Lock a new file; return whether it is still there, or another process has swept it."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nothing is swept there
        return True
    return os.fstat(stream.fileno()).st_nlink > 0


def _sweep(path: Path) -> None:
    """Remove what killed processes left of `path` under temporary names."""
    if fcntl is None:
        return
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError), left.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
