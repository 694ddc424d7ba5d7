"""Keep the networks of a search in an Optuna study: a journal file, SQLite or a server.

A network is written as one trial, whole or not at all, when it is done. So a killed search loses
only what it was scoring, and Optuna's own tools, such as its dashboard, work on the study.
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.spaces.choices import Drawn, Value
from naswot.study.records import Record

STUDY = "naswot"
_DIRECTIONS = {
    "maximize": StudyDirection.MAXIMIZE,
    "minimize": StudyDirection.MINIMIZE,
}
SETTINGS = "settings"  # the study's attribute with what its scores depend on
optuna.logging.set_verbosity(optuna.logging.WARNING)


class _FileLock:
    """A lock that the system releases when its process ends, however it ends."""

    def __init__(self, path: Path):
        self._path, self._beside = path, path.with_name(f".{path.name}.lock")

    def acquire(self) -> bool:
        self._stream = self._beside.open("ab")
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        _mend(self._path)
        return True

    def release(self) -> None:
        self._stream.close()


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process while the block runs; make it if there is none.

    Raises:
        NaswotError: another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("ab")
    except OSError as error:
        raise _unwritable(folder, error) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NaswotError(
                f"Another search is running in {folder}. Wait for it, or name another --output; "
                "several programs can share one search by --storage."
            ) from None
        yield


def _unwritable(where: object, error: Exception) -> NaswotError:
    why = getattr(error, "strerror", None) or " ".join(str(error).split())
    return NaswotError(
        f"{where} cannot be written: {why}. All networks that were recorded are kept. Free some "
        "space or change the permissions, then run the same command with --resume."
    )


def without_password(text: str) -> str:
    """Return a text with the password in a database's address replaced by dots."""
    return re.sub(r"(://[^:/@\s]+):[^@/\s]+@", r"\1:…@", text)


class Storage:
    """The networks of one search, in the order in which they were recorded.

    Args:
        where: path of a journal file, or a database's address as Optuna takes it, such as
            sqlite:///search.db.
        settings: everything that scores and costs depend on, in values that JSON can hold.
        directions: "maximize" or "minimize" for the score and for each cost of the front.

    Raises:
        NaswotError: the storage cannot be opened, or holds a search with other settings.
    """

    def __init__(self, where: str | Path, settings: Mapping[str, Any], directions: Sequence[str]):
        self.where = without_password(str(where))
        self._known: list[Record] = []
        self._trials = 0
        self._options: dict[str, tuple[Value, ...]] = {}
        try:
            self._study = optuna.create_study(
                storage=_opened(str(where)),
                study_name=STUDY,
                directions=[*map(_DIRECTIONS.__getitem__, directions)],
                load_if_exists=True,
            )
            kept = self._study.user_attrs.get(SETTINGS)
            ours = json.loads(json.dumps(settings))
            if not self._study.get_trials(deepcopy=False):  # nothing was recorded with others
                self._study.set_user_attr(SETTINGS, ours)
                kept = ours
        except NaswotError:
            raise
        except Exception as error:  # a file, or any driver of a database
            raise NaswotError(
                f"The storage {self.where} cannot be used "
                f"({type(error).__name__}: {' '.join(str(error).split())[:300]}). Name a file, or "
                "an address such as sqlite:///search.db, that is a naswot search or does not exist."
            ) from error
        self._ours = ours
        _agree(self.where, kept, ours)

    def records(self) -> list[Record]:
        """Return the networks recorded so far, also by other processes, each once."""
        try:
            trials = self._study.get_trials(deepcopy=False)
        except Exception as error:  # a file that was damaged meanwhile, or a lost database
            raise NaswotError(
                f"{self.where} cannot be read any more ({type(error).__name__}: "
                f"{' '.join(str(error).split())[:300]}). Mend it, then go on with --resume."
            ) from error
        if len(trials) > self._trials:
            seen = {record.drawn.arch for record in self._known}
            for trial in trials[self._trials :]:
                record = _record_of(trial, self.where)
                if record.drawn.arch not in seen:  # two processes may have drawn it at once
                    self._known.append(record)
                    self._options.update(record.drawn.options)
                    seen.add(record.drawn.arch)
            self._trials = len(trials)
        return self._known

    def add(self, record: Record, values: Sequence[float] | None) -> None:
        """Record one network, durably.

        Args:
            record: the network.
            values: the score and the costs of the front, without NaN; None if some are unknown.

        Raises:
            NaswotError: the storage cannot be written, or a choice has other options than before.
        """
        if not self._known:  # a program that began at the same moment may have other settings
            _agree(self.where, self._study.user_attrs.get(SETTINGS), self._ours)
        state = TrialState.COMPLETE
        if values is None:
            state = TrialState.FAIL if record.failed else TrialState.PRUNED
        drawn = record.drawn
        for name, options in drawn.options.items():
            before = self._options.setdefault(name, options)
            if before != options:
                raise NaswotError(
                    f"{drawn.arch} cannot be recorded: the options of {name!r} were "
                    f"{shown(before)}, now {shown(options)}. A choice must have the same options "
                    "whenever it is asked for."
                )
        trial = create_trial(
            params=dict(drawn.choices),
            distributions={n: CategoricalDistribution(o) for n, o in drawn.options.items()},
            values=values,
            state=state,
            user_attrs={
                "arch": drawn.arch,
                "draw": record.draw,
                "stream": record.stream,
                "oldest": record.oldest,
                "scores": dict(record.scores),
                "costs": dict(record.costs),
                "seconds": record.seconds,
                "note": record.note,
                "failed": record.failed,
            },
        )
        try:
            self._study.add_trial(trial)
        except Exception as error:  # a full disk, or any driver of a database
            raise _unwritable(self.where, error) from error


def _opened(where: str) -> BaseStorage | str:
    if "://" in where:
        return where
    path = Path(where)
    if path.is_dir():
        raise NaswotError(f"{path} is a folder; --storage names a file, or a database's address.")
    lock = _FileLock(path)
    lock.acquire()  # mends the file
    lock.release()
    backend = JournalFileBackend(where, lock_obj=lock)  # type: ignore[arg-type]
    return JournalStorage(backend)


def _mend(path: Path) -> None:
    """Cut off an unfinished last line, which a full disk may have left; Optuna cannot read it.

    Only who holds the lock may call it: then no other program is writing the line.
    """
    if not path.exists():
        return
    with path.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size == 0:
            return
        stream.seek(size - 1)
        if stream.read() == b"\n":
            return
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)
        os.fsync(stream.fileno())


def _agree(where: str, kept: Any, ours: Mapping[str, Any]) -> None:
    if not isinstance(kept, dict):
        raise NaswotError(f"{where} holds an Optuna study that is not a naswot search.")
    for key in {**kept, **ours}:
        if kept.get(key) != ours.get(key):
            raise NaswotError(
                f"{where} holds a search with other {key.replace('_', ' ')} "
                f"({shown(kept.get(key))}, now {shown(ours.get(key))}): use the earlier setting, "
                "or name another --output or --storage for a search of its own."
            )


def _record_of(trial: FrozenTrial, where: str) -> Record:
    try:
        about: Any = trial.user_attrs
        distributions: Mapping[str, Any] = trial.distributions
        options = {
            name: tuple(distribution.choices) for name, distribution in distributions.items()
        }
        return Record(
            drawn=Drawn(str(about["arch"]), trial.params, options),
            draw=int(about["draw"]),
            stream=int(about["stream"]),
            oldest=int(about["oldest"]),
            scores=dict(about["scores"]),
            costs=dict(about["costs"]),
            seconds=float(about["seconds"]),
            note=str(about["note"]),
            failed=bool(about["failed"]),
        )
    except MALFORMED_RECORD_ERRORS as error:
        raise NaswotError(
            f"{where}: trial {trial.number} was not written by naswot ({error!r}); name another "
            "--storage."
        ) from error
