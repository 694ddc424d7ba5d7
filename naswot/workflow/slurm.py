"""Cancel jobs on a Slurm cluster that are left over from a killed run."""

import contextlib
import fcntl
import os
import re
import subprocess  # noqa: TID251, Slurm's own commands, without a shell
import time
from pathlib import Path

from naswot.errors import NaswotError

# Name of Snakemake's jobs: one UUID per run, after an optional prefix.
RUN_NAME = re.compile(r"(?:[\w-]+_)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOCK = ".snakemake/naswot-slurm.lock"
PATIENCE_S = 180  # by default, Slurm gives a job 30 seconds to end


def cancel_orphans(directory: str | Path, patience_s: float = PATIENCE_S) -> list[str]:
    """Cancel the jobs that an earlier run left in `directory`, and wait until they are gone.

    A run that is killed cannot cancel its jobs: they would repeat the work of the next run and
    write to the same files. Call this before jobs are submitted. Each run that calls it holds a
    lock on a file in its directory until it ends. If another run holds the lock, or the file
    system has no locks, no job is cancelled, because it may belong to that other run.

    Returns:
        The numbers of the jobs.

    Raises:
        NaswotError: Slurm does not answer, or a job is still there after `patience_s` seconds.
    """
    directory = Path(directory)
    if not _is_alone(directory):
        return []
    orphans = [
        job
        for job, name, folder in _queue("%i|%j|%Z")
        if RUN_NAME.fullmatch(name) and os.path.realpath(folder) == os.path.realpath(directory)
    ]
    if not orphans:
        return []
    _call("scancel", *orphans)
    deadline = time.monotonic() + patience_s
    while left := sorted({job for (job,) in _queue("%i")} & set(orphans)):
        if time.monotonic() > deadline:
            raise NaswotError(
                f"Slurm job {left[0]} of an earlier run in {directory} still exists after it was "
                f"cancelled. End it (scancel {' '.join(left)}), then run again."
            )
        time.sleep(1)
    return orphans


_LOCKED: dict[Path, int] = {}  # lock file → open file, never closed: closing would unlock it


def _is_alone(directory: Path) -> bool:
    """Take a shared lock on a directory; return whether no other process holds one."""
    lock = (directory / LOCK).absolute()
    if lock not in _LOCKED:
        lock.parent.mkdir(exist_ok=True)
        _LOCKED[lock] = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(_LOCKED[lock], fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(_LOCKED[lock], fcntl.LOCK_SH | fcntl.LOCK_NB)
    return alone


def _queue(columns: str) -> list[list[str]]:
    """Return the user's pending, running and completing jobs, with the given `columns`."""
    lines = _call("squeue", "--me", "--noheader", f"--format={columns}").splitlines()
    # The last column, a path, may itself contain a bar.
    return [line.split("|", columns.count("|")) for line in lines]


def _call(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise NaswotError(
            f"{command[0]} is not found: run this on a machine with Slurm's commands, or without "
            "--profile profiles/slurm."
        ) from error
    except subprocess.CalledProcessError as error:
        raise NaswotError(
            f"Slurm does not answer: {error.stderr.strip()}. Run again when {command[0]} works."
        ) from error
    return done.stdout
