"""What befalls a run from outside, and what to do about it."""

import contextlib
import os
import re
import tempfile  # noqa: TID251, a probe in the run's own folder
import time
from collections.abc import Iterable
from pathlib import Path

from naswot.errors import NaswotError

PROBE_BYTES = 1 << 16

# What Snakemake writes when it happens → the cure.
CURES = {
    r"died with <Signals\.SIGKILL": (
        "A job was killed, most likely by the system for lack of memory: close other programs or "
        "lower --cores"
    ),
    r"No space left on device|Disk quota exceeded": "The disk is full: free some space",
    r"Read-only file system": "This folder cannot be written to: make it so, or run in another",
    r"Permission denied": "The file that is named above is not for you: change its permissions",
    r"has older modification time": (
        "The clock was set back, or the input that is named above is from the future: set the "
        "clock right or `touch` that file"
    ),
}


def cures(text: str) -> list[str]:
    """Return a line for each fault that the log of a failed run tells of."""
    return [
        f"{cure}, then run the same command again: finished work is kept."
        for pattern, cure in CURES.items()
        if re.search(pattern, text)
    ]


def check_place(folder: Path) -> None:
    """See that something can be written to `folder`, or to where it is to be.

    Raises:
        NaswotError: nothing can be written there.
    """
    try:
        with tempfile.TemporaryFile(dir=folder if folder.is_dir() else folder.parent) as stream:
            stream.write(bytes(PROBE_BYTES))
    except OSError as error:
        raise NaswotError(
            f"{folder.absolute()} cannot be written to: {error.strerror}. Free some space or "
            "change the permissions, then run the same command again: finished work is kept."
        ) from error


def settle_clock(results: Path, sources: Iterable[Path]) -> int:
    """Give files of the future, from before the clock was set back, the present; return how many.

    Snakemake refuses results that are older than what they are made from. All in the folder
    `results` get the same time, so that none is newer than what was made from it, and those in
    the folders `sources`, of which Snakemake asks that they be older, a second less.
    """
    now, late = time.time(), 0
    times = [(results, now), *((folder, now - 1) for folder in sources)]
    for path, given in ((path, given) for folder, given in times for path in folder.rglob("[!.]*")):
        with contextlib.suppress(OSError):  # another user's, which Snakemake will name, or gone
            if path.is_file() and path.stat().st_mtime > now:
                os.utime(path, (given, given))
                late += 1
    return late
