"""Prepare a run: library path, checks of the disk, and handlers for its start and end."""

import logging
import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))
# Jobs are separate processes and import the same copy of the library. An empty entry would mean
# the current directory.
FOLDERS = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(FOLDERS))
os.environ.update(NASWOT_SNAKEMAKE=str(os.getpid()))  # a job ends when this process ends

from naswot.workflow import start_up
from naswot.workflow.faults import settle_clock

logging.raiseExceptions = False  # otherwise a full disk causes a traceback per log line

# The folder of the project, as a relative path if it is the working folder.
HERE = Path() if Path.cwd() == ROOT else ROOT
COMPARED = ("naswot", "scripts", "rules", "report", "resources")  # Snakemake compares their times
TABLES_BEFORE = start_up.times_of_tables()

if workflow.is_main_process:
    start_up.check_results(workflow)


onstart:
    settle_clock(Path("results"), [ROOT / part for part in COMPARED])
    start_up.cancel_orphans(workflow)
    start_up.lift_rate_limit(workflow)


onsuccess:
    start_up.show_new_tables(TABLES_BEFORE)


onerror:
    start_up.show_cures(log)
