"""Diagnose environment failures: full disk, killed job, clock skew."""

import contextlib
import os
import re
import tempfile  # noqa: TID251, a test file in the run's own folder
import time
from collections.abc import Iterable
from pathlib import Path

from naswot.errors import NaswotError

PROBE_BYTES = 1 << 16

# What Snakemake logs → what the user can do.
CURES = {
    r"died with <Signals\.SIGKILL": (
        "A job was killed, most likely because memory ran out: close other programs or lower "
        "--cores"
    ),
    r"No space left on device|Disk quota exceeded": "The disk is full: free some space",
    r"Read-only file system": "This folder is read-only: make it writable, or run in another",
    r"Permission denied": "You may not use the file named above: change its permissions",
    r"has older modification time": (
        "The clock was set back, or the input named above has a date in the future: correct the "
        "clock or `touch` that file"
    ),
}


def cures(text: str) -> list[str]:
    """Return one line for each known failure in the log of a failed run."""
    return [
        f"{cure}, then run the same command again: finished work is kept."
        for pattern, cure in CURES.items()
        if re.search(pattern, text)
    ]


def check_place(folder: Path) -> None:
    """Check that `folder`, or where it will be if it does not exist yet, can be written to.

    Raises:
        NaswotError: nothing can be written there.
    """
    place = next(place for place in (folder, *folder.parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=place) as stream:
            stream.write(bytes(PROBE_BYTES))
    except OSError as error:
        raise NaswotError(
            f"{folder.absolute()} cannot be written to: {error.strerror}. Free some space or "
            "change the permissions, then run the same command again: finished work is kept."
        ) from error


def settle_clock(results: Path, sources: Iterable[Path]) -> int:
    """Set modification times in the future to now, after the clock was set back; return how many.

    Snakemake refuses outputs that are older than their inputs. All such files in the folder
    `results` get the same time, so that no input is newer than its output. Files in the folders
    `sources`, which Snakemake requires to be older, get a time one second earlier.
    """
    now, late = time.time(), 0
    times = [(results, now), *((folder, now - 1) for folder in sources)]
    for path, given in ((path, given) for folder, given in times for path in folder.rglob("[!.]*")):
        with contextlib.suppress(OSError):  # removed, or another user's, which Snakemake reports
            if path.is_file() and path.stat().st_mtime > now:
                os.utime(path, (given, given))
                late += 1
    return late
