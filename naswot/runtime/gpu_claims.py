"""One of several GPUs for a process, so that jobs side by side on one machine spread over them."""

import functools
import itertools
import os
import stat
import tempfile  # noqa: TID251, locks, in a folder of the user's own
from pathlib import Path

from naswot.errors import NaswotError


@functools.cache
def claim(devices: tuple[str, ...], folder: Path) -> int:
    """Return the position in `devices` of one that no other process holds, and hold it.

    It is held until this process ends, however it ends: the system then gives back its lock on a
    file. Where all are held, the next comes to the one that fewest hold as the others came, so
    nothing waits. A process that asks again is told the same.

    Args:
        devices: what tells each of them from others on this machine, fit for a file name.
        folder: where the lock files are, a directory that is made if need be; only processes with
            the same one heed each other. It must be this user's own.

    Raises:
        NaswotError: the directory is another user's, or no files can be locked in it.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
            raise NaswotError(
                f"{folder}, where jobs note which GPU they use, belongs to somebody else: set "
                "TMPDIR to a directory of your own, or name the GPU (device: cuda:0)."
            )
        return next(
            position
            for place in itertools.count()
            for position, device in enumerate(devices)
            if _lock(folder / f"{device}.{place}")
        )
    except OSError as error:
        raise NaswotError(
            f"{folder}, where jobs note which GPU they use, cannot be used "
            f"({error.strerror or error}): set TMPDIR to a directory on a local disk, or name the "
            "GPU (device: cuda:0)."
        ) from error


def claims() -> Path:
    """Return the directory in which this user's processes on this machine claim devices."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return Path(tempfile.gettempdir(), f"naswot-devices-{user}")


def _lock(path: Path) -> bool:
    """Lock a file for the rest of this process; return whether no other process has it."""
    import fcntl  # Windows has none; nor does Snakemake run jobs there

    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    return True  # left open: closing the file would unlock it
