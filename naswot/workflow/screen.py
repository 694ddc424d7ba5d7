"""What Snakemake tells a person at a terminal: one line when a stage begins, and what goes wrong.

A stage of several jobs, such as scoring, has a bar while it runs. Log files, pipes and `--verbose`
get everything, without bars.
"""

import atexit
import logging
from collections import Counter
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from snakemake.logging import ColorizingTextHandler, LogEvent, get_event

from naswot.workflow.job import ERASE

# How Snakemake's messages without an event begin that say nothing about the run.
NOISE = (
    "Select jobs", "Execute ", "Using shell", "Building DAG", "Conda environments",
    "Rules claiming", "Provided ", "Assuming ",
)  # fmt: skip
HIDDEN = {
    LogEvent.JOB_FINISHED, LogEvent.JOB_STARTED, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO,
    LogEvent.RUN_INFO,
}  # fmt: skip
FAILURES = {LogEvent.ERROR, LogEvent.GROUP_ERROR, LogEvent.JOB_ERROR}


def tell_stages(log: logging.Logger) -> None:
    """Make Snakemake's log show stages instead of jobs where it goes to the screen."""
    for handler in log.handlers:
        if isinstance(handler, ColorizingTextHandler):
            bar = _Bar(handler.stream)
            stages = _Stages(handler.formatter, bar)
            handler.addFilter(stages.shows)
            handler.setFormatter(stages)
            handler.setStream(_AboveBar(handler.stream, bar))


class _Bar:
    """One line below all others: how many jobs of a stage are done."""

    def __init__(self, stream: TextIO):
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )
        self.shown = False
        self.stage = ""  # the last one that was shown
        atexit.register(self.hide)

    def show(self, stage: str, done: int, total: int) -> None:
        """Show the jobs of one stage, in place of what was shown."""
        if self.stage != stage:
            self.hide()
            self.stage = stage
            for task in self._progress.task_ids:
                self._progress.remove_task(task)
            self._progress.add_task(stage, total=total)
        self._progress.start()
        self.shown = True
        self._progress.update(self._progress.task_ids[0], completed=done, refresh=True)

    def refresh(self) -> None:
        """Draw the bar again, if there is one."""
        if self.shown:
            self._progress.refresh()

    def hide(self) -> None:
        """Erase the bar, if there is one."""
        if self.shown:
            self.shown = False
            self._progress.stop()


class _AboveBar:
    """A terminal on which a bar may stand in the line of the cursor."""

    def __init__(self, stream: TextIO, bar: _Bar):
        self._stream, self._bar = stream, bar
        self._within = False  # a message, of which a part is written

    def write(self, text: str) -> None:
        """Write a part of a message; the first part of one erases the bar."""
        self._stream.write(ERASE + text if self._bar.shown and not self._within else text)
        self._within = True

    def flush(self) -> None:
        """End a message: the bar is drawn below it."""
        self._within = False
        self._stream.flush()
        self._bar.refresh()

    def isatty(self) -> bool:
        return self._stream.isatty()


class _Stages(logging.Formatter):
    """Formats the first job of each rule as its stage, and other messages as Snakemake does."""

    def __init__(self, full: Any, bar: _Bar):
        super().__init__()
        self._full, self._bar = full, bar
        self._jobs: dict[str, int] = {}
        self._rules: dict[int, str] = {}  # of jobs that have begun, by number
        self._done: Counter[str] = Counter()

    def shows(self, record: logging.LogRecord) -> bool:
        """Return whether the record goes to the screen, and count it."""
        event, about = get_event(record), record.__dict__
        if event is LogEvent.RUN_INFO:
            self._jobs = {rule: jobs for rule, jobs in about["stats"].items() if rule != "total"}
        if event is LogEvent.JOB_INFO:
            rule = about["rule_name"]
            begins = rule not in self._rules.values()
            self._rules[about["jobid"]] = rule
            if begins:
                self._show_bar(rule)
            return begins
        if event is LogEvent.JOB_FINISHED:
            rule = self._rules.get(about["job_id"], "")
            self._done[rule] += 1
            self._show_bar(rule)
        if event in FAILURES:
            self._bar.hide()
        text = str(record.msg or "")
        return event not in HIDDEN and (event is not None or not text.startswith(NOISE))

    def _show_bar(self, rule: str) -> None:
        done, total = self._done[rule], self._jobs.get(rule, 1)
        stage = rule.replace("_", " ")
        if done < total and total > 1:
            self._bar.show(stage, done, total)
        elif self._bar.stage == stage:
            self._bar.hide()

    def format(self, record: logging.LogRecord) -> str:
        if get_event(record) is not LogEvent.JOB_INFO:
            return self._full.format(record)
        about = record.__dict__
        rule = about["rule_name"]
        begun, count, total = len(self._rules), self._jobs.get(rule, 1), sum(self._jobs.values())
        more = f", and {count - 1} more like it" if count > 1 else ""
        return f"[{begun:{len(str(total))}} of {total}] {about['rule_msg'] or rule}{more}"
