"""What Snakemake tells a person at a terminal: one line when a stage begins, and what goes wrong.

Log files, pipes and `--verbose` get everything.
"""

import logging
from typing import Any

from snakemake.logging import ColorizingTextHandler, LogEvent, get_event

# How Snakemake's messages without an event begin that say nothing about the run.
NOISE = (
    "Select jobs", "Execute ", "Using shell", "Building DAG", "Conda environments",
    "Rules claiming", "Provided ", "Assuming ",
)  # fmt: skip
HIDDEN = {
    LogEvent.JOB_FINISHED, LogEvent.JOB_STARTED, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO,
    LogEvent.RUN_INFO,
}  # fmt: skip


def tell_stages(log: logging.Logger) -> None:
    """Make Snakemake's log show stages instead of jobs where it goes to the screen."""
    for handler in log.handlers:
        if isinstance(handler, ColorizingTextHandler):
            stages = _Stages(handler.formatter)
            handler.addFilter(stages.shows)
            handler.setFormatter(stages)


class _Stages(logging.Formatter):
    """Formats the first job of each rule as its stage, and other messages as Snakemake does."""

    def __init__(self, full: Any):
        super().__init__()
        self._full = full
        self._jobs: dict[str, int] = {}
        self._begun = 0
        self._stages: set[str] = set()

    def shows(self, record: logging.LogRecord) -> bool:
        """Return whether the record goes to the screen, and count it."""
        event = get_event(record)
        if event is LogEvent.RUN_INFO:
            self._jobs = {
                rule: jobs for rule, jobs in record.__dict__["stats"].items() if rule != "total"
            }
        if event is LogEvent.JOB_INFO:
            self._begun += 1
            return record.__dict__["rule_name"] not in self._stages
        text = str(record.msg or "")
        return event not in HIDDEN and (event is not None or not text.startswith(NOISE))

    def format(self, record: logging.LogRecord) -> str:
        if get_event(record) is not LogEvent.JOB_INFO:
            return self._full.format(record)
        about = record.__dict__
        rule = about["rule_name"]
        self._stages.add(rule)
        count, total = self._jobs.get(rule, 1), sum(self._jobs.values())
        width = len(str(total))
        more = f", and {count - 1} more like it" if count > 1 else ""
        return f"[{self._begun:{width}} of {total}] {about['rule_msg'] or rule}{more}"
