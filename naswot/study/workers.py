"""Score candidates in processes of their own, so that a network that crashes is only a failure."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from naswot.errors import NaswotError
from naswot.runtime.cpu import available_cores
from naswot.scores.failures import one_line
from naswot.study.candidates import Candidate
from naswot.study.problem import Problem
from naswot.study.records import Record

_evaluator: Any = None  # of this process, if it is a worker, or why there is none


class Workers:
    """A pool of `jobs` processes that score candidates of `problem`."""

    def __init__(self, problem: Problem, jobs: int):
        self._problem, self.jobs = problem, jobs
        self._pool = self._start(jobs)
        self._running: dict[Future, Candidate] = {}

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def full(self) -> bool:
        """Whether every process has a candidate, and one more waits."""
        return len(self._running) > self.jobs

    @property
    def running(self) -> list[int]:
        """The draws that are being scored."""
        return [candidate.draw for candidate in self._running.values()]

    def submit(self, candidate: Candidate) -> None:
        """Score a candidate as soon as a process is free."""
        try:
            future = self._pool.submit(_score, candidate)
        except BrokenProcessPool as error:  # `collect` finds out which network is to blame
            future = Future()
            future.set_exception(error)
        self._running[future] = candidate

    def collect(self) -> Iterator[Record]:
        """Wait for the next candidates to be done, and yield their records.

        A candidate counts as running until the caller comes back for the next one, so that an
        interruption while its record is written does not lose it.

        Raises:
            NaswotError: the processes cannot be set up.
        """
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda known: self._running[known].draw):
            if isinstance(future.exception(), BrokenProcessPool):
                yield from self._recover()
                return
            yield future.result()
            del self._running[future]

    def drain(self) -> Iterator[Record]:
        """Yield the records of the candidates that are being scored; drop those that wait.

        Candidates of processes that have ended are dropped too: they will be drawn again.
        """
        for future in list(self._running):
            if not future.cancel() and not isinstance(future.exception(), BrokenProcessPool):
                yield future.result()
            del self._running[future]

    def stop(self) -> None:
        """End the processes at once, whatever they are doing."""
        for process in multiprocessing.active_children():
            process.kill()

    def _start(self, jobs: int) -> ProcessPoolExecutor:
        # Forked processes would share torch's threads, which do not survive a fork.
        pool = ProcessPoolExecutor(
            jobs,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_set_up,
            initargs=(self._problem, max(1, available_cores() // self.jobs)),
        )
        # Ctrl-C reaches every process of a terminal, but only this one shall act on it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for _ in range(jobs):
                pool.submit(os.getpid)  # a process starts with each task
        finally:
            signal.signal(signal.SIGINT, before)
        return pool

    def _recover(self) -> Iterator[Record]:
        """Score the candidates of a pool that crashed one by one, to find out which is to blame."""
        self._pool.shutdown()
        for future, candidate in list(self._running.items()):
            with self._start(1) as alone:
                try:
                    yield alone.submit(_score, candidate).result()
                except BrokenProcessPool:
                    yield Record(
                        candidate.drawn,
                        candidate.draw,
                        costs=candidate.costs,
                        note="it ends its process: it crashes, or needs more memory than there is",
                        failed=True,
                    )
            del self._running[future]
        self._pool = self._start(self.jobs)


def _set_up(problem: Problem, threads: int) -> None:
    """Set a worker up; called in it."""
    global _evaluator
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import torch

    from naswot.study.evaluation import Evaluator

    torch.set_num_threads(threads)
    try:
        _evaluator = Evaluator(problem)
    except NaswotError as error:
        _evaluator = error
    except Exception as error:  # of a device, say; every candidate would fail in the same way
        _evaluator = NaswotError(f"Scoring cannot be set up: {one_line(error)}")


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """End this process when its parent has ended, even if that was killed."""
    parent.join()
    os._exit(1)


def _score(candidate: Candidate) -> Record:
    if isinstance(_evaluator, NaswotError):
        raise _evaluator
    try:
        return _evaluator.score(candidate)
    except Exception as error:  # the search goes on with other networks
        note = f"it cannot be scored: {one_line(error)}"
        return Record(candidate.drawn, candidate.draw, note=note, failed=True)
