"""Output of the command on the terminal: messages, progress, and the log of the library."""

import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from naswot.runtime.progress import Progress

if TYPE_CHECKING:
    from naswot.scores.ranking import Row

REMOVE_LINE = "\r\033[K"  # clears the terminal line that counts networks
INTERRUPTED = 130  # 128 + SIGINT, as in shells


def tell(message: str) -> None:
    """Print a message of the command on stderr."""
    if sys.stderr.isatty():
        print(REMOVE_LINE, end="", file=sys.stderr)
    print(f"naswot: {message}", file=sys.stderr)


@contextlib.contextmanager
def log_to_stderr() -> Iterator[None]:
    """Show the log of the library on stderr."""
    log, screen = logging.getLogger("naswot"), logging.StreamHandler(sys.stderr)
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(screen)
    try:
        yield
    finally:
        log.removeHandler(screen)
        log.setLevel(before)


class _Counter(Progress):
    """Count networks on a terminal, in one line that is overwritten and finally removed."""

    def advance(self, count: int = 1) -> None:
        self.done += count
        more = f"{self.done} of {self.total} {self.unit}" if self.done < self.total else ""
        print(f"{REMOVE_LINE}{more}", end="", file=sys.stderr, flush=True)


def progress_on(total: int, described: str) -> Progress:
    """Return a counter of `total` networks that suits stderr; `described` are the images."""
    if not sys.stderr.isatty():
        return Progress("score", total, "networks")  # an occasional line if scoring takes long
    print(f"{described} …", end="", file=sys.stderr, flush=True)
    return _Counter("score", total, "networks")


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Make SIGTERM end the work as Ctrl-C does, so that finished rows are not lost."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread, which alone handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def aside(rows: "Iterator[Row]") -> "Iterator[Row]":
    """Yield `rows`; send what is printed while they are computed to stderr."""
    while True:
        with contextlib.redirect_stdout(sys.stderr):
            row = next(rows, None)
        if row is None:
            return
        yield row
