"""What surrounds the jobs of a run: the library, the disk, what is done at the start and the end."""

import logging
import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))
# Jobs are processes of their own: let them import this very copy of the library. An empty place
# in the list would be the current directory.
PLACES = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(PLACES))
os.environ.update(NASWOT_SNAKEMAKE=str(os.getpid()))  # a job ends with it

from naswot.workflow import start_up
from naswot.workflow.faults import settle_clock

logging.raiseExceptions = False  # or each line that a full disk has no room for is a traceback

# The folder of the project, from the working folder.
HERE = Path() if Path.cwd() == ROOT else ROOT
COMPARED = ("naswot", "scripts", "rules", "report", "resources")  # whose times Snakemake compares
TABLES_BEFORE = start_up.times_of_tables()

if workflow.is_main_process:
    start_up.check_results(workflow)


onstart:
    settle_clock(Path("results"), [ROOT / part for part in COMPARED])
    start_up.cancel_orphans(workflow)


onsuccess:
    start_up.show_new_tables(TABLES_BEFORE)


onerror:
    start_up.show_cures(log)
