"""Claim one of several GPUs for a process, so that parallel jobs on a machine use all of them."""

import functools
import itertools
import os
import stat
import tempfile  # noqa: TID251, locks, in a folder of the user's own
from pathlib import Path

from naswot.errors import NaswotError


@functools.cache
def claim(devices: tuple[str, ...], folder: Path) -> int:
    """Claim a device, if possible one that no other process holds; return its position.

    The claim is a lock on a file, which the system releases when this process ends, however it
    ends. No call waits: if every device is claimed, further processes are spread evenly over them.
    A second call in the same process returns the same position.

    Args:
        devices: an identifier per device, unique on this machine and usable as a file name.
        folder: directory of the lock files, created if needed. Claims count only among processes
            that use the same directory. It must belong to this user.

    Raises:
        NaswotError: the directory belongs to another user, or files in it cannot be locked.
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
            for slot in itertools.count()
            for position, device in enumerate(devices)
            if _lock(folder / f"{device}.{slot}")
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
    """Lock a file until this process ends; return False if another process holds the lock."""
    import fcntl  # not on Windows, where Snakemake runs no jobs

    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    return True  # left open: closing the file would unlock it
