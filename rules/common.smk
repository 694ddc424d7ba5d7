"""Helpers of all rules: the checked configuration, the paths, the code a stage depends on."""

import hashlib
import os
import re
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.io import flag
from snakemake.path_modifier import PATH_MODIFIER_FLAG

from naswot.io import digests
from naswot.benchmarks.fitness import searched_on
from naswot.benchmarks.sources import SOURCES as TABLES_OF
from naswot.benchmarks.sources import find
from naswot.errors import NaswotError
from naswot.images import SOURCES, folder
from naswot.plots.layout import (
    ABLATION_VIEWS,
    PANELS,
    SEARCH_VIEWS,
    VIEWS,
    kernel_runs,
    panels_of,
    wanted,
)
from naswot.runtime.cpu import available_cores
from naswot.runtime.provenance import package_version
from naswot.reporting.contents import ITEMS
from naswot.spaces.sampling import sample_of
from naswot.search import METHODS as BUDGETED
from naswot.scores import FAMILIES, FAMILY_OF
from naswot.spaces import SPACES
from naswot.workflow import ablations
from naswot.workflow import config as configuration
from naswot.workflow.sources import neighbours, sources


def check_config():
    """End with one line that says what is wrong with the configuration, if anything is."""
    schema = yaml.safe_load((ROOT / "config/schemas/config.schema.yaml").read_text())
    try:
        configuration.normalise(config)
        configuration.check(config, schema)
    except NaswotError as error:
        sys.exit(str(error))
    for note in configuration.settle_samples(config):
        if workflow.is_main_process:
            print(note, file=sys.stderr)


check_config()
SCORES, SEED = config["scores"], config["seed"]
TRAINING, FIGURE6 = config["training"], config["figure6"]
RUNS = configuration.runs_of(config)  # pairs of space and dataset
MISSING = configuration.missing_spaces(config)
IMAGES = configuration.images_of(config)  # dataset → image source
KERNELS = [f"results/kernels/{space}/{dataset}/{SEED}.npz" for space, dataset in kernel_runs(RUNS)]
ABLATED = config["ablations"]["space"], config["ablations"]["dataset"]
METHODS = {
    "scored": ["naswot", "random", "optimal"],
    "whole": ["random", "optimal", *config["methods"]],
}

# The GPUs of a job that computes on the device. On a cluster `auto` is a processor: who wants GPUs
# has to ask for them.
GPUS = int(config["device"].startswith("cuda"))

# What the scoring of a run may do otherwise than the paper.
SCORING = ("batch_size", "image_size", "precision", "relu_count", "deduplicate")


wildcard_constraints:
    space=r"[\w-]+",
    dataset=r"\w+",
    images="|".join(SOURCES),
    score="|".join(FAMILY_OF),
    family="|".join(FAMILIES),
    method=r"\w+",
    pool="|".join(METHODS),
    seed=r"\d+",
    shard=r"\d+",


def place(space):
    """Return the file (without .py) or folder of a space's networks; None if they are the user's."""
    return None if SPACES[space].file else SPACES[space].build.__module__.replace(".", "/")


def here(file):
    """Return a file that is read where it lies: a source or the user's own, which no run makes.

    With results in a storage it is not looked for there. `local` would say so too, but then jobs
    that read it would never be sent to machines without a shared file system.
    """
    return flag(str(file), PATH_MODIFIER_FLAG)


def ours(file):
    """Return a file of this project that is read where it lies."""
    return here(beside(file))


def code(rule_name, space=None, family=None):
    """Return the library files that a script runs. They are inputs, so that edits count.

    With a space, the networks of other spaces are left out; with a family of scores, which is
    found by its name, its file joins.
    """
    files = sources(ROOT / f"scripts/{rule_name}.py", ROOT)
    if space is not None:
        own, kept = place(space), []
        if own is not None:
            top = next(file for file in files if file in (f"{own}.py", f"{own}/__init__.py"))
            kept = sources(ROOT / top, ROOT)
        others = tuple({place(other) for other in SPACES} - {own, None})
        files = [file for file in files if file in kept or not file.startswith(others)]
        if SPACES[space].own:
            files += ["naswot/workflow/own_spaces.py"]
        if own is None:
            files += neighbours(SPACES[space].file)
    if family is not None:
        own = f"naswot/scores/{family}.py"
        files = sorted({*files, own, *sources(ROOT / own, ROOT)})
    return [ours(file) for file in files]


def templates():
    """Return the templates of pages."""
    folder = ROOT / "naswot/reporting/templates"
    return [ours(file) for file in sorted(path.relative_to(ROOT) for path in folder.glob("*.*"))]


def official_files():
    """Return the names of the files that can be fetched."""
    return list(yaml.safe_load((ROOT / "config/sources.yaml").read_text(encoding="utf-8")))


def image_files(images):
    """Return the file or folder that an image source reads, as a list; empty if it needs none."""
    directory = configuration.image_directory(config, images)
    found = directory and SOURCES[images].find(directory)
    return [here(os.path.normpath(f"{directory}/{found}"))] if found else []


def image_content(images, every=False):
    """Return a digest of what an image source reads; None if it needs nothing.

    Of a folder of single files, test images count only if `every` says so.
    """
    for file in image_files(images):
        if images in ("folder", "imagenette") and Path(file).is_dir():
            return folder.fingerprint(file, every)
        return digests.glance(file)
    return None


def table_file(space):
    """Return the file that the benchmark table of a space is read from, as a list."""
    found = find(space, config["mirror"])
    if found is None:
        return []
    file = str(found.place(config["mirror"]))
    return [file if found.made else here(file)]


def table_content(space):
    """Return a digest of that file; None where there is none, or the workflow makes it."""
    found = find(space, config["mirror"])
    return digests.glance(found.place(config["mirror"])) if found and not found.made else None


def listing(space):
    """Return the benchmark table as a list, if only it lists the architectures of a space."""
    return [] if SPACES[space].architectures else [f"results/benchmarks/{space}.parquet"]


def own_architectures(space):
    """Return a digest of the architectures of a space of the user's own, None of another."""
    if not SPACES[space].own:
        return None
    return hashlib.sha256("\n".join(SPACES[space].architectures()).encode()).hexdigest()


def option(name, family):
    """Return how a family is computed, None where that is no choice of the family's."""
    return config[name] if FAMILIES[family].options else None


def score_threads(wildcards):
    """Return the cores to reserve for a job that scores or trains, which computes on one.

    More jobs than processors would slow each other and falsify the search seconds: where
    --cores promises more than there are, each job reserves several. A cluster counts its cores
    itself. Only when jobs are planned does Snakemake know where they will run.
    """
    if workflow.non_local_exec or workflow.remote_exec:
        return 1
    return max(1, -(-workflow.cores // available_cores()))


def doubling(first):
    """Return a resource, such as MB or minutes, that doubles whenever a job is tried again."""
    return lambda wildcards, attempt: first << (attempt - 1)
