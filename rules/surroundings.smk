"""What surrounds the jobs of a run: the library, the disk, what is done at the start and the end."""

import logging
import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))
# Jobs are processes of their own: let them import this very copy of the library.
os.environ.update(PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
os.environ.update(NASWOT_SNAKEMAKE=str(os.getpid()))  # a job ends with it

from naswot.errors import NaswotError
from naswot.workflow.faults import check_place, cures, settle_clock

logging.raiseExceptions = False  # or each line that a full disk has no room for is a traceback


def check_places(*folders):
    """End with one line, without tracebacks of Snakemake's, where nothing can be written."""
    try:
        for folder in folders:
            check_place(Path(folder))
    except NaswotError as error:
        sys.exit(str(error))


if workflow.is_main_process:
    check_places(".snakemake")


READ = ("naswot", "scripts", "rules", "report", "resources")  # whose times Snakemake compares


def times():
    """Return when Tables 1 and 2 were written, of those that are there."""
    tables = [Path(f"results/table{number}.md") for number in (1, 2)]
    return {table: table.stat().st_mtime_ns for table in tables if table.exists()}


BEFORE = times()


onstart:
    check_places("results")
    settle_clock(Path("results"), [ROOT / part for part in READ])


onsuccess:
    for table, written in times().items():
        if written != BEFORE.get(table):
            print(f"\n{table.read_text(encoding='utf-8')}")


onerror:
    for path in log:
        for line in cures(Path(path).read_text(encoding="utf-8", errors="replace")):
            print(line, file=sys.stderr)
