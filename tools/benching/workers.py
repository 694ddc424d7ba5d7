"""Processes that do a step all at the same time."""

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from benching.timing import Settings, Worker
from naswot.errors import NaswotError


class Workers:
    """Worker processes, told step by step what to do; a context that ends them.

    They are spawned, not forked, as the workflow's jobs are processes of their own.
    """

    def __init__(self, count: int, settings: Settings):
        context = multiprocessing.get_context("spawn")
        self._connections, self._processes = [], []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, settings), daemon=True)
            process.start()
            theirs.close()  # else nobody would notice that the process has ended
            self._connections.append(ours)
            self._processes.append(process)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_) -> None:
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.terminate()
            process.join()

    def ask(self, step: str, *arguments: Sequence[Any]) -> list:
        """Return what each worker returns from the method `step`.

        Args:
            step: name of a method of `Worker`.
            arguments: of the method; each is a sequence with an entry a worker.

        Raises:
            NaswotError: a worker has died.
        """
        every = zip(*arguments, strict=True)
        try:
            for connection, own in zip(self._connections, every, strict=True):
                connection.send((step, own))
            return [connection.recv() for connection in self._connections]
        except (EOFError, ConnectionError) as error:
            raise NaswotError(
                "A worker process ended before its time. If it says nothing above, memory may "
                "have run out: try fewer --workers, or a smaller --batch."
            ) from error


def _serve(connection: Connection, settings: Settings) -> None:
    worker = Worker(settings)
    while True:
        try:
            step, arguments = connection.recv()
        except EOFError:
            return
        connection.send(getattr(worker, step)(*arguments))
