"""Prepare and end a run: check the configuration, clean up after earlier runs, print results.

Functions that end the process with one line call `sys.exit`, to avoid Snakemake's tracebacks.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from naswot.benchmarks.catalogue import Catalogue
from naswot.errors import NaswotError
from naswot.runtime.cpu import available_cores
from naswot.workflow import config as configuration
from naswot.workflow import paths, slurm
from naswot.workflow.damage import set_aside
from naswot.workflow.faults import check_place, cures
from naswot.workflow.schema import read_schema

SNAKEMAKES_RATE_LIMIT = (100, 1)  # jobs, seconds: the default of --max-jobs-per-timespan
SHOWN_AT_THE_END = [paths.with_ending(table, "md") for table in (paths.TABLE1, paths.TABLE2)]

# Options with which Snakemake runs no jobs. Snakemake itself reports this only after it has read
# the Snakefile.
NOTHING_RUNS = re.compile(
    "-[a-zA-Z]*n[a-zA-Z]*|--dry-?run|-l|-S|-D|-t|--(list|lint|unlock|report|touch|cleanup|archive"
    "|summary|detailed-summary|dag|d3dag|rulegraph|filegraph|print-comp|containerize|delete).*"
)


def will_execute(arguments: Sequence[str]) -> bool:
    """Return whether Snakemake, called with these arguments, will run jobs."""
    return not any(NOTHING_RUNS.fullmatch(word) for word in arguments)


def completed(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a configuration with the defaults of config/config.yaml for keys that it lacks."""
    whole = load_configfile(root / "config/config.yaml")
    update_config(whole, config)
    return whole


def check_config(config: MutableMapping[str, Any], root: Path, tell: bool) -> Catalogue:
    """Check and complete a configuration in place; exit with one line if anything is wrong.

    Args:
        config: the configuration as Snakemake read it.
        root: the folder of the project.
        tell: whether to print a note on each change.

    Returns:
        The search spaces of the run, built-in and custom.
    """
    try:
        configuration.normalise(config)
        catalogue = configuration.check(config, read_schema(root))
    except NaswotError as error:
        sys.exit(str(error))
    for note in configuration.settle_samples(config, catalogue):
        if tell:
            print(note, file=sys.stderr)
    return catalogue


def tell_stages() -> None:
    """Show a person at a terminal one line per stage of the run, unless --verbose asks for all."""
    if sys.stderr.isatty() and will_execute(sys.argv[1:]) and "--verbose" not in sys.argv:
        from snakemake.logging import logger

        from naswot.workflow import screen

        screen.tell_stages(logger)


def lift_rate_limit(workflow: Any) -> None:
    """Lift Snakemake's limit of jobs a second, unless the user chose one.

    While there is one, each job that ends adds one more check of all open jobs a second (Snakemake
    9.27): after 50 jobs they took a quarter of a core.
    """
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == SNAKEMAKES_RATE_LIMIT:
        workflow.scheduler.job_rate_limiter = None


def check_results(workflow: Any, results: Path) -> None:
    """Check that `results` can be written, and set damaged ones aside before Snakemake reads them.

    Exits with one line if nothing can be written.
    """
    executes = will_execute(sys.argv[1:])
    try:
        for folder in (Path(".snakemake"), *([results] if executes else [])):
            check_place(folder)
        if not workflow.storage_settings.default_storage_provider:
            for message in set_aside(results, rename=executes):
                print(message, file=sys.stderr)
    except NaswotError as error:
        sys.exit(str(error))


def cancel_orphans(workflow: Any) -> None:
    """Cancel jobs that a killed run left on Slurm, before new ones are submitted."""
    if workflow.executor_plugin.name != "slurm":
        return
    try:
        orphans = slurm.cancel_orphans(Path.cwd())
    except NaswotError as error:
        sys.exit(str(error))
    if orphans:
        print(f"Cancelled jobs of an earlier run: {', '.join(orphans)}", file=sys.stderr)


def times_of_tables(placed: Callable[[str], str]) -> dict[Path, int | None]:
    """Return when Tables 1 and 2 were written (nanoseconds); None for those that are not there."""
    return {table: _written(table) for table in map(Path, map(placed, SHOWN_AT_THE_END))}


def _written(table: Path) -> int | None:
    return table.stat().st_mtime_ns if table.exists() else None


def show_new_tables(before: Mapping[Path, int | None]) -> None:
    """Print Tables 1 and 2 if they were written after `before`, from `times_of_tables`."""
    for table, written in before.items():
        if _written(table) not in (None, written):
            print(f"\n{table.read_text(encoding='utf-8')}")


def show_cures(logs: Iterable[str | Path]) -> None:
    """Print what the user can do about the known failures in the logs of a failed run."""
    for path in logs:
        for line in cures(Path(path).read_text(encoding="utf-8", errors="replace")):
            print(line, file=sys.stderr)


def cores_per_job(workflow: Any) -> Callable[[Any], int]:
    """Return a rule's `threads` for jobs that score or train, each of which computes on one core.

    More jobs than cores would slow each other down and distort the measured search seconds. If
    --cores exceeds the cores of this machine, each job therefore reserves several. A cluster counts
    its own cores. Snakemake knows only when it plans jobs where they will run, hence a function.
    """

    def threads(wildcards: Any) -> int:
        if workflow.non_local_exec or workflow.remote_exec:
            return 1
        return max(1, -(-workflow.cores // available_cores()))

    return threads


def doubling(first: int) -> Callable[..., int]:
    """Return a resource, such as MB or minutes, that doubles each time a job is retried."""
    return lambda wildcards, attempt: first << (attempt - 1)
