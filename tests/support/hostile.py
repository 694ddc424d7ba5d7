"""Read hostile input in a separate process with limited memory and time."""

import multiprocessing
import resource
import signal
from pathlib import Path

from fuzz import ALL
from fuzz.harness import attempt

MEMORY_BYTES = 768 * 2**20  # beyond what the process has when it starts
SECONDS = 20


def complaint_of(name: str, data: bytes, folder: Path, **limits: int) -> str:
    """Hand `data` to the target `name`; return its complaint, "" if there is none.

    Raises:
        AssertionError: the reader crashed, hung, or raised anything but a NaswotError that names
            its file. A reader that asks for too much memory gets a MemoryError.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=_attempt, args=(name, data, folder, theirs), kwargs=limits)
    process.start()
    theirs.close()
    try:
        told = ours.recv()
    except EOFError:
        told = None
    process.join()
    assert told is not None, f"the interpreter ended with {process.exitcode}"
    assert told[0], told[1]
    return told[1]


def _attempt(name, data, folder, pipe, memory: int = MEMORY_BYTES, seconds: int = SECONDS) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    try:
        error = attempt(ALL[name], data, folder)
    except BaseException as unexpected:
        pipe.send((False, f"{type(unexpected).__name__}: {unexpected}"))
    else:
        pipe.send((True, str(error or "")))
