"""Jobs on a Slurm cluster that outlived the run that submitted them."""

import contextlib
import fcntl
import os
import re
import subprocess  # noqa: TID251, Slurm's own commands, without a shell
import time
from pathlib import Path

from naswot.errors import NaswotError

# What Snakemake calls its jobs: one UUID a run, behind a prefix if one was asked for.
RUN_NAME = re.compile(r"(?:[\w-]+_)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOCK = ".snakemake/naswot-slurm.lock"
PATIENCE_S = 180  # Slurm's default leaves a job 30 seconds to end by itself


def cancel_orphans(directory: str | Path, patience_s: float = PATIENCE_S) -> list[str]:
    """Cancel the jobs that an earlier run left in `directory`, and wait until they are gone.

    A run that is killed cannot cancel its jobs. They would compute what the next run computes
    again, and write to the same files. To be called before jobs are submitted. Every run that has
    called it holds a lock on a file of its directory for as long as it lives; where another one
    does, or where there are no locks, jobs are left alone: they may be that run's.

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
        for job, name, place in _queue("%i|%j|%Z")
        if RUN_NAME.fullmatch(name) and os.path.realpath(place) == os.path.realpath(directory)
    ]
    if not orphans:
        return []
    _call("scancel", *orphans)
    deadline = time.monotonic() + patience_s
    while left := sorted({job for (job,) in _queue("%i")} & set(orphans)):
        if time.monotonic() > deadline:
            raise NaswotError(
                f"Slurm's job {left[0]} of an earlier run in {directory} is still there after it "
                f"was cancelled. End it (scancel {' '.join(left)}), then run again."
            )
        time.sleep(1)
    return orphans


_LOCKED: dict[Path, int] = {}  # directory → open file; it is never closed, for that would unlock it


def _is_alone(directory: Path) -> bool:
    """Lock a directory for this process, beside others; return whether there is no other."""
    place = (directory / LOCK).absolute()
    if place not in _LOCKED:
        place.parent.mkdir(exist_ok=True)
        _LOCKED[place] = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(_LOCKED[place], fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(_LOCKED[place], fcntl.LOCK_SH | fcntl.LOCK_NB)
    return alone


def _queue(columns: str) -> list[list[str]]:
    """Return the user's jobs that wait, run or end, with the columns that are asked for."""
    lines = _call("squeue", "--me", "--noheader", f"--format={columns}").splitlines()
    # A path may hold a bar too; it is the last column.
    return [line.split("|", columns.count("|")) for line in lines]


def _call(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise NaswotError(
            f"{command[0]} is not to be found: run this where Slurm's commands are, or without "
            "--profile profiles/slurm."
        ) from error
    except subprocess.CalledProcessError as error:
        raise NaswotError(
            f"Slurm does not answer: {error.stderr.strip()}. Run again when {command[0]} works."
        ) from error
    return done.stdout
