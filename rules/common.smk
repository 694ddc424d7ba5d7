"""Helpers of all rules: the checked configuration, the paths, the code a stage depends on."""

import os
import sys
import time
from pathlib import Path

import yaml

STARTED = time.time()
ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT))
# Jobs are processes of their own: let them import this very copy of the library.
os.environ.update(PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))

from naswot.errors import NaswotError
from naswot.provenance import package_version
from naswot.workflow import config as configuration
from naswot.workflow.sources import sources


def check_config():
    """End with one line that says what is wrong with the configuration, if anything is."""
    schema = yaml.safe_load((ROOT / "config/schemas/config.schema.yaml").read_text())
    configuration.read_words(config)
    try:
        configuration.check(config, schema)
    except NaswotError as error:
        sys.exit(str(error))


check_config()
SPACE, SCORE, SEED = config["space"], config["score"], config["seed"]
IMAGES = configuration.images_of(config)  # dataset → image source
METHODS = ["naswot", "random", "optimal"]


wildcard_constraints:
    space=r"\w+",
    dataset=r"\w+",
    images=r"\w+",
    score=r"\w+",
    method=r"\w+",
    seed=r"\d+",
    shard=r"\d+",


def code(rule_name):
    """Return the library files that a script runs. They are inputs, so that edits count."""
    return sources(ROOT / f"scripts/{rule_name}.py", ROOT)


def mirrored(file):
    """Return the path of a file in the mirror directory as a list; empty without a mirror."""
    mirror = config["mirror"]
    return [f"{mirror}/{file}"] if mirror and file else []


def joined(dataset):
    """Return the joined table that holds the scores on a dataset's images."""
    return f"results/joined/{SPACE}/{IMAGES[dataset]}/{SCORE}/{SEED}.parquet"


def shards(images):
    """Return how many shards the scoring on an image source is cut into."""
    return configuration.shard_count(config, images)


def sample_sizes(method):
    """Return the sample sizes N of a search method."""
    return {"random": [1], **config["sample_sizes"]}[method]


def score_threads():
    """Return the cores to reserve for a scoring job, which computes on one.

    More jobs than processors would slow each other and falsify the search seconds: where
    --cores promises more than there are, each job reserves several.
    """
    processors = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    return max(1, -(-(workflow.cores or 1) // processors))


def show_table2():
    """Print Table 2 at the end of a run that made it."""
    table = Path("results/table2.md")
    if table.exists() and table.stat().st_mtime >= STARTED:
        print(f"\n{table.read_text(encoding='utf-8')}")


figures = expand(
    "results/figures/scatter/{space}/{dataset}.{format}",
    space=SPACE,
    dataset=config["datasets"],
    format=["png", "pdf"],
)
