"""Write files atomically: a file is complete or absent.

A file under its final name is always complete: everything is first written to a hidden file in the
same folder, which is then renamed. The next write removes what killed processes left behind.
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

    When the block fails, no new file is left under either name. Temporary files of killed processes
    are removed; those of running processes are locked by the kernel and stay.

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
    """Yield a temporary name beside `path`; if the system has locks, the file exists, locked."""
    while True:
        # A random name, because on a cluster two nodes may use the same process number.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        if fcntl is None:
            yield temporary
            return
        with temporary.open("xb") as stream:
            if _is_ours(stream):
                yield temporary
                return


def _is_ours(stream: BinaryIO) -> bool:
    """Lock a new file; return whether it still exists and no other process has removed it."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: no process removes files there
        return True
    return os.fstat(stream.fileno()).st_nlink > 0


def _sweep(path: Path) -> None:
    """Remove the temporary files for `path` that killed processes left behind."""
    if fcntl is None:
        return
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError), left.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
