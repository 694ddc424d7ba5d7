"""What surrounds the jobs of a run: the library, the disk, what is done at the start and the end."""

import logging
import os
import re
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))
# Jobs are processes of their own: let them import this very copy of the library. An empty place
# in the list would be the current directory.
PLACES = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(PLACES))
os.environ.update(NASWOT_SNAKEMAKE=str(os.getpid()))  # a job ends with it


def beside(file):
    """Return the path of a file of this project, from the working folder, whichever that is."""
    return str(file) if Path.cwd() == ROOT else str(ROOT / file)


from naswot.errors import NaswotError
from naswot.workflow import slurm
from naswot.workflow.damage import set_aside
from naswot.workflow.faults import check_place, cures, settle_clock

logging.raiseExceptions = False  # or each line that a full disk has no room for is a traceback


def check_places(*folders):
    """End with one line, without tracebacks of Snakemake's, where nothing can be written."""
    try:
        for folder in folders:
            check_place(Path(folder))
    except NaswotError as error:
        sys.exit(str(error))


# What Snakemake is told to do when it is to run nothing; it does not say so before it has read this.
NOTHING_RUNS = re.compile(
    "-[a-zA-Z]*n[a-zA-Z]*|--dry-?run|-l|-S|-D|-t|--(list|lint|unlock|report|touch|cleanup|archive"
    "|summary|detailed-summary|dag|d3dag|rulegraph|filegraph|print-comp|containerize|delete).*"
)
RUNS = not any(NOTHING_RUNS.fullmatch(word) for word in sys.argv[1:])


def check_results():
    """Set damaged results aside and say so, before Snakemake looks at what there is."""
    if workflow.storage_settings.default_storage_provider:
        return
    try:
        for message in set_aside("results", rename=RUNS):
            print(message, file=sys.stderr)
    except NaswotError as error:
        sys.exit(str(error))


def cancel_orphans():
    """Before jobs go to Slurm, cancel those that an earlier run left there when it was killed."""
    if workflow.executor_plugin.name != "slurm":
        return
    try:
        orphans = slurm.cancel_orphans(Path.cwd())
    except NaswotError as error:
        sys.exit(str(error))
    if orphans:
        print(f"Cancelled jobs of an earlier run: {', '.join(orphans)}", file=sys.stderr)


if workflow.is_main_process:
    check_places(".snakemake", *(["results"] if RUNS else []))
    check_results()


READ = ("naswot", "scripts", "rules", "report", "resources")  # whose times Snakemake compares


def times():
    """Return when Tables 1 and 2 were written, of those that are there."""
    tables = [Path(f"results/table{number}.md") for number in (1, 2)]
    return {table: table.stat().st_mtime_ns for table in tables if table.exists()}


BEFORE = times()


onstart:
    settle_clock(Path("results"), [ROOT / part for part in READ])
    cancel_orphans()


onsuccess:
    for table, written in times().items():
        if written != BEFORE.get(table):
            print(f"\n{table.read_text(encoding='utf-8')}")


onerror:
    for path in log:
        for line in cures(Path(path).read_text(encoding="utf-8", errors="replace")):
            print(line, file=sys.stderr)
