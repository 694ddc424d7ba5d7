"""Output of the command on the terminal: messages, progress, and the log of the library."""

import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from naswot.runtime.progress import Progress

if TYPE_CHECKING:
    from naswot.scores.ranking import Row

INTERRUPTED = 130  # 128 + SIGINT, as in shells


def tell(message: str) -> None:
    """Print a message of the command on stderr."""
    if not sys.stderr.isatty():
        print(f"naswot: {message}", file=sys.stderr)
        return
    from rich.console import Console
    from rich.text import Text

    about = Text("naswot: ", style="bold red").append(message, style="not bold default")
    Console(stderr=True, highlight=False).print(about, soft_wrap=True)


class _Stderr(logging.StreamHandler):
    """Writes to what is stderr when a line is logged: progress bars replace it for a while."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        pass


@contextlib.contextmanager
def log_to_stderr(quiet: bool = False) -> Iterator[None]:
    """Show the log of the library on stderr; if `quiet`, only warnings and errors."""
    log, screen = logging.getLogger("naswot"), _Stderr()
    before = log.level
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    log.addHandler(screen)
    try:
        yield
    finally:
        log.removeHandler(screen)
        log.setLevel(before)


def _shows_progress() -> bool:
    return sys.stderr.isatty() and logging.getLogger("naswot").isEnabledFor(logging.INFO)


@contextlib.contextmanager
def waiting(described: str) -> Iterator[None]:
    """Show on a terminal that something is going on."""
    if not _shows_progress():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(described):
        yield


class _Bar(Progress):
    """Count networks in a bar."""

    def __init__(self, advance: Callable[[int], None], total: int):
        super().__init__("score", total, "networks")
        self._advance = advance

    def advance(self, count: int = 1) -> None:
        self._advance(count)


@contextlib.contextmanager
def progress_of(total: int, described: str) -> Iterator[Progress]:
    """Show the progress of `total` networks on stderr: a bar on a terminal, else lines at times.

    Args:
        total: number of networks.
        described: what is done with them, for the bar.
    """
    if not _shows_progress():
        yield Progress("score", total, "networks")
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(described, total=total)
        yield _Bar(lambda count: bar.advance(task, count), total)


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
