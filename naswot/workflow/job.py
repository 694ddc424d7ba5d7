"""Run a script as a Snakemake job: set up its log, and end failures with one message."""

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot.errors import NaswotError

if TYPE_CHECKING:
    from naswot.benchmarks.catalogue import Catalogue

PR_SET_PDEATHSIG = 1  # of prctl(2)
# What erases the line of the cursor on a terminal, where the bar of a run may stand.
ERASE = "\r\x1b[K"


@dataclass(frozen=True)
class Context:
    """The log, configuration and search spaces for a script's body.

    Attributes:
        log: the logger.
        config: the configuration of the run.
    """

    log: logging.Logger
    config: Mapping[str, Any]

    @cached_property
    def catalogue(self) -> "Catalogue":
        """The search spaces of the run, built-in and custom."""
        from naswot.workflow.custom_spaces import CATALOGUE_KEYS, catalogue_of

        return catalogue_of(*(self.config[key] for key in CATALOGUE_KEYS))


@contextmanager
def job(snakemake: Any) -> Iterator[Context]:
    """Run a script's body: log to the rule's log file and the screen, explain mistakes.

    Yields a `Context` for the body.

    On Linux the script ends when the Snakemake that started it is killed, so that it does not
    compete with the next run. (The kernel signals only the parent's end, and bash before 5.1 stays
    between the two, so the script also checks Snakemake's process itself.)

    A `NaswotError` ends the script with exit code 1 and its message alone. Other exceptions are
    bugs in this project and keep their traceback, also in the log.
    """
    _end_with_snakemake()
    logging.raiseExceptions = False  # report a full disk once, when the output is written
    log = logging.getLogger("naswot")
    log.setLevel(logging.INFO)
    screen = logging.StreamHandler(sys.stderr)
    erase = ERASE if sys.stderr.isatty() else ""
    screen.setFormatter(logging.Formatter(f"{erase}%(message)s"))
    log.addHandler(screen)
    try:
        for path in snakemake.log:
            _log_to(Path(path))
        yield Context(log, snakemake.config)
    except NaswotError as error:
        log.error("%s: %s", snakemake.rule, error)
        sys.exit(1)
    except Exception:
        log.exception("%s failed with an unexpected error", snakemake.rule)
        raise


def _end_with_snakemake() -> None:
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:  # Snakemake may have been killed before this script started
        os.kill(int(os.environ.get("NASWOT_SNAKEMAKE", os.getpid())), 0)
    except ProcessLookupError:
        sys.exit(1)
    except PermissionError:  # another user's process has its number by now
        sys.exit(1)


def _log_to(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, mode="w", encoding="utf-8")
    except OSError as error:
        raise NaswotError(
            f"{path} cannot be written: {error.strerror}. Free some space or change the "
            "permissions, then run the same command again: finished work is kept."
        ) from error
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("naswot").addHandler(file)
