"""A run of the workflow that is killed now and then, and the tally of what came of it."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from workdirs import Workdir

from soaking.whole import damaged, results

# Kind of kill → how often, relative to the others.
KINDS = {
    "SIGKILL of Snakemake": 4,
    "SIGKILL of a job": 4,
    "SIGKILL of all": 4,
    "SIGTERM to Snakemake": 1,
    "SIGTERM to a job": 1,
    "SIGINT to all, as Ctrl-C": 1,
}
STARTING = 0.15  # share of the kills that hit before the first job has begun
SECONDS_TO_DIE = 5.0


@dataclass
class Tally:
    """What was done, and what was found wrong: `faults`, of which none may have any."""

    kills: Counter = field(default_factory=Counter)
    resumed: int = 0
    runs: int = 0
    faults: dict[str, list[str]] = field(
        default_factory=lambda: {
            "half-written files": [],
            "shards lost": [],
            "results differing": [],
            "temporary files left": [],
            "jobs that outlived Snakemake": [],
            "runs that did not end": [],
            "runs with work left": [],
        }
    )

    def blame(self, fault: str, found: Sequence[object]) -> None:
        self.faults[fault] += map(str, found)

    @property
    def wrong(self) -> bool:
        return any(self.faults.values())

    def table(self, seconds: float) -> str:
        rows = [(f"kills: {kind}", self.kills[kind]) for kind in KINDS]
        rows += [("kills in all", self.kills.total()), ("runs to the end", self.runs)]
        rows += [("times resumed", self.resumed)]
        rows += [(fault, len(found)) for fault, found in self.faults.items()]
        rows += [("seconds", round(seconds))]
        return "\n".join(f"{name:32}{count:6}" for name, count in rows)


class Disturbed:
    """A run that is killed now and then."""

    def __init__(self, workdir: Workdir, draw: random.Random, tally: Tally, span_s: float):
        """Kill within `span_s` seconds of the first job's beginning."""
        self.workdir, self.draw, self.tally, self.span_s = workdir, draw, tally, span_s
        self._seen: dict[Path, tuple[int, int]] = {}

    def finish(self, kills: int, targets: Sequence[str], tell: Callable[[str], None]) -> None:
        """Run to the end in spite of that many kills, or fewer if it ends before."""
        while True:
            process = self.workdir.start(*targets)
            kind = self._kill(process) if kills else None
            code = process.wait()
            self._endjobs_of(process.pid)
            self._check()
            if code == 0:
                return
            if kind is None:
                self.tally.blame("runs that did not end", [self.workdir.printed()[-2000:]])
                return
            kills -= 1
            self.tally.resumed += 1
            locks = self.workdir.path / ".snakemake/locks"
            if locks.is_dir() and any(locks.iterdir()):
                unlocked = self.workdir.run(*targets, "--unlock")
                if unlocked.code:
                    self.tally.blame("runs that did not end", [unlocked.text[-2000:]])
                    return
            done = sum(1 for path in results(self.workdir.path))
            tell(f"{self.tally.kills.total():3} {kind}, {done} files are there")

    def _kill(self, process) -> str | None:
        """Kill at a random moment; return how, or None if the run ended before."""
        starting = self.draw.random() < STARTING
        kind = self.draw.choices([*KINDS], weights=KINDS.values())[0]
        wait = self.draw.uniform(0, 2 if starting else self.span_s)
        if starting and kind.endswith("job"):
            kind = "SIGKILL of Snakemake"
        while not starting and process.poll() is None and not jobs_of(process.pid):
            time.sleep(0.01)
        time.sleep(wait)
        while process.poll() is None:
            jobs = jobs_of(process.pid)
            if kind.endswith("a job") and not jobs:
                time.sleep(0.01)
                continue
            name = signal.SIGKILL if "KILL" in kind else signal.Signals[kind.split()[0]]
            try:
                if kind.endswith("Snakemake"):
                    process.send_signal(name)
                elif kind.endswith("a job"):
                    self.draw.choice(jobs).send_signal(name)
                else:
                    os.killpg(process.pid, name)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
            self.tally.kills[kind] += 1
            return kind
        return None

    def _endjobs_of(self, group: int) -> None:
        """Wait until no process of a run is left; they must end by themselves."""
        until = time.monotonic() + SECONDS_TO_DIE
        while _alive(group) and time.monotonic() < until:
            time.sleep(0.02)
        if _alive(group):
            self.tally.blame("jobs that outlived Snakemake", [group])
            os.killpg(group, signal.SIGKILL)

    def _check(self) -> None:
        """Open every file that has changed since the last time."""
        for path in results(self.workdir.path):
            about = (self.workdir.path / "results" / path).stat()
            state = about.st_mtime_ns, about.st_size
            if self._seen.get(path) != state:
                self._seen[path] = state
                problem = damaged(self.workdir.path / "results" / path)
                self.tally.blame("half-written files", [f"{path}: {problem}"] if problem else [])


def jobs_of(pid: int) -> list[psutil.Process]:
    """Return the scripts that a Snakemake runs; its scheduler has processes of its own."""
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
    return [child for child in children if _is_script(child)]


def _is_script(process: psutil.Process) -> bool:
    try:
        return any("/.snakemake/scripts/" in word for word in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def _alive(group: int) -> bool:
    """Return whether a process of the group is left, zombies aside."""
    for process in psutil.process_iter():
        try:
            left = os.getpgid(process.pid) == group
            if left and process.status() != psutil.STATUS_ZOMBIE:
                return True
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return False
