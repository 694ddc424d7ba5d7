"""Prepare a run: find the project and its library, check the disk, handle start and end."""

import logging
import os
import sys
from pathlib import Path

from snakemake.sourcecache import HostingProviderFile, LocalSourceFile

COMPARED = ("naswot", "scripts", "rules", "report", "resources")  # Snakemake compares their times


RULES = workflow.current_basedir
if isinstance(RULES, LocalSourceFile):
    ROOT = Path(RULES.path).parent
elif isinstance(RULES, HostingProviderFile):
    # Another workflow names a git repository as a module. Its files are copied: then the library
    # has the version of the rules, and changes of it run jobs again. A file that a new version
    # left as it was keeps its date.
    ROOT = Path.cwd() / ".snakemake/naswot"
    if workflow.is_main_process or not ROOT.exists():
        tree = RULES.hosted_repo.repo.commit(RULES.ref).tree
        for part in ("config", *COMPARED):
            for blob in (tree / part).traverse(lambda entry, depth: entry.type == "blob"):
                file, content = ROOT / blob.path, blob.data_stream.read()
                if not file.exists() or file.read_bytes() != content:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
else:  # Snakemake 9.27 does not find the scripts of a gitfile
    sys.exit(f"{RULES}: as a module, naswot has to be a folder, or be named by github or gitlab.")
sys.path.insert(0, str(ROOT))
# Jobs are separate processes and import the same copy of the library. An empty entry would mean
# the current directory.
FOLDERS = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(FOLDERS))
os.environ.update(NASWOT_SNAKEMAKE=str(os.getpid()))  # a job ends when this process ends

from naswot.workflow import start_up
from naswot.workflow.faults import settle_clock
from naswot.workflow.inputs import from_here

logging.raiseExceptions = False  # otherwise a full disk causes a traceback per log line

# Where a path of ours is with the `prefix` of a module statement, which Snakemake puts only before
# paths in rules.
placed = workflow.modifier.path_modifier.replace_prefix
RESULTS = Path(placed("results/"))
TABLES_BEFORE = start_up.times_of_tables(placed)

if workflow.is_main_process:
    start_up.tell_stages()
    start_up.check_results(workflow, RESULTS)


# A workflow that uses this one as a module can call them: naswot.onstart() in its `onstart`.
onstart:
    settle_clock(RESULTS, [ROOT / part for part in COMPARED])
    start_up.cancel_orphans(workflow)
    start_up.lift_rate_limit(workflow)


onsuccess:
    start_up.show_new_tables(TABLES_BEFORE)


onerror:
    start_up.show_cures(log)
