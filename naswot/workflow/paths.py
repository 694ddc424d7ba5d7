"""Define every path of the workflow's files; no other module writes them out.

A path is a template: its wildcards stand in braces, as in Snakemake's rules and `str.format`.
"""

import re
from collections.abc import Mapping
from typing import Any

# Downloads, benchmark tables, mini-batches and architectures.
SOURCE = "results/sources/{source}"
BENCHMARK = "results/benchmarks/{space}.parquet"
BATCH = "results/batches/{images}/{seed}.npz"
ARCHITECTURES = "results/architectures/{space}/{seed}.parquet"
NEIGHBOURS = "results/neighbours/{space}.parquet"
HARDWARE = "results/hardware.parquet"

# Scores, and tables computed from them.
SHARD = "results/scores/{space}/{images}/{family}/{seed}/{shard}.parquet"
JOINED = "results/joined/{space}/{images}/{score}/{seed}.parquet"
SECONDS = "results/seconds/{space}/{images}/{score}/{seed}.parquet"
KENDALL_TAU = "results/kendall_tau.csv"
SCORE_COMPARISON = "results/score_comparison.csv"
SCORE_AGREEMENT = "results/score_agreement.csv"
SCORE_TOP = "results/score_top.csv"
LEADERBOARD = "results/leaderboard.csv"

# Kernels by accuracy: Figure 1.
KERNELS = "results/kernels/{space}/{dataset}/{seed}.npz"
KERNEL_SIMILARITY = "results/kernel_similarity.csv"

# Linear regions of small networks: Figure 2.
REGIONS = "results/linear_regions/regions.csv"
BOUNDARIES = "results/linear_regions/boundaries.csv"
INPUTS = "results/linear_regions/inputs.csv"
INPUT_KERNELS = "results/linear_regions/kernels.csv"

# Ablations: Figure 5.
ABLATION_NETWORKS = "results/ablations/{space}/{dataset}/{seed}/networks/{choice}.parquet"
ABLATION = "results/ablations/{space}/{dataset}/{seed}/{ablation}/{level}.parquet"
ABLATION_SCORES = "results/ablations/scores.parquet"
NETWORKS = "results/ablations/networks.csv"
LEVELS = "results/ablations/levels.csv"
VARIANCE_COMPONENTS = "results/variance_components.csv"
RANK_STABILITY = "results/rank_stability.csv"

# Training: Figure 6, and benchmarks of custom spaces.
LABELLED_IMAGES = "results/labelled/{images}/{seed}.npz"
FIGURE6_NETWORKS = "results/training/figure6/networks.parquet"
TRAINING = "results/training/{networks}/{images}/{seed}/{number}.parquet"
TRAINED = "results/trained/{space}.parquet"
FIGURE6_SCORES = "results/training/figure6.parquet"

# Searches.
SEARCH = "results/search/{space}/{dataset}/{pool}/{method}.parquet"
TRAJECTORIES = "results/trajectories/{space}/{dataset}/{pool}/{method}.parquet"
ANYTIME = "results/anytime.csv"
TABLE1 = "results/table1.csv"
TABLE2 = "results/table2.csv"
SCORED_AGAIN = "results/initialisations/{space}/{images}/{seed}/{initialisation}.parquet"
INITIALISATIONS = "results/initialisations.csv"
ASSISTANCE = "results/assistance.csv"
PAPER_COMPARISON = "results/paper_comparison.csv"
SEARCH_STUDY = "results/search_study.csv"

# Networks that a score chooses, trained beside random ones.
STUDY_IMAGES = "results/search_study_trained/images.npz"
CANDIDATES = "results/search_study_trained/candidates.parquet"
STUDY_TRAINING = "results/search_study_trained/trainings/{number}.parquet"
SEARCH_STUDY_TRAINED = "results/search_study_trained.csv"
SEARCH_STUDY_TRAINED_SUMMARY = "results/search_study_trained_summary.csv"

# Searches with shared weights.
SUPERNET_IMAGES = "results/supernet/images.npz"
SHARED = "results/supernet/{search}/{seed}.parquet"
SHARED_CELLS = "results/supernet/{search}/{seed}_cells.parquet"
WEIGHT_SHARING = "results/weight_sharing.csv"
WEIGHT_SHARING_EPOCHS = "results/weight_sharing_epochs.csv"
WEIGHT_SHARING_CELLS = "results/weight_sharing_cells.csv"

# Figures, claims and pages for readers.
CLAIMS_OF = "results/claims/{figure}.csv"
CLAIMS = "results/claims.csv"
FIGURE = "results/figures/{figure}.{format}"
RUN = "results/run.csv"
RUN_TIMES = "results/run_times.csv"
QUESTIONS = "results/questions.csv"
HEADLINE = "results/headline.rst"
CAPTION = "results/captions/{item}.rst"
TABLE_PAGE = "results/tables/{table}.html"
INDEX = "results/index.html"

# CSV tables, for readers and figures, by name.
CSV: Mapping[str, str] = {
    "regions": REGIONS,
    "boundaries": BOUNDARIES,
    "inputs": INPUTS,
    "input_kernels": INPUT_KERNELS,
    "kendall_tau": KENDALL_TAU,
    "score_comparison": SCORE_COMPARISON,
    "score_agreement": SCORE_AGREEMENT,
    "score_top": SCORE_TOP,
    "leaderboard": LEADERBOARD,
    "kernel_similarity": KERNEL_SIMILARITY,
    "networks": NETWORKS,
    "levels": LEVELS,
    "variance_components": VARIANCE_COMPONENTS,
    "rank_stability": RANK_STABILITY,
    "anytime": ANYTIME,
    "table1": TABLE1,
    "table2": TABLE2,
    "initialisations": INITIALISATIONS,
    "assistance": ASSISTANCE,
    "paper_comparison": PAPER_COMPARISON,
    "search_study": SEARCH_STUDY,
    "search_study_trained": SEARCH_STUDY_TRAINED,
    "search_study_trained_summary": SEARCH_STUDY_TRAINED_SUMMARY,
    "weight_sharing": WEIGHT_SHARING,
    "weight_sharing_epochs": WEIGHT_SHARING_EPOCHS,
    "weight_sharing_cells": WEIGHT_SHARING_CELLS,
    "claims": CLAIMS,
    "run": RUN,
    "run_times": RUN_TIMES,
    "questions": QUESTIONS,
}

WILDCARD = re.compile(r"\{\w+\}")


def log(rule: str, output: str = "") -> str:
    """Return the log file of `rule`: one per combination of the wildcards in `output`."""
    return _beside("logs", rule, output, "log")


def timing(rule: str, output: str = "") -> str:
    """Return the file to which Snakemake writes run times of `rule`; wildcards as in `log`."""
    return _beside("timings", rule, output, "tsv")


def timed(path: str) -> str | None:
    """Return the rule whose run times are in `path`, if `timing` returned it."""
    found = re.search(r"(?:^|/)timings/(\w+)", path)
    return found and found[1]


def _beside(folder: str, rule: str, output: str, ending: str) -> str:
    return f"{'/'.join([folder, rule, *WILDCARD.findall(output)])}.{ending}"


def with_ending(path: str, ending: str) -> str:
    """Return the path of the same table in another format, such as "md"."""
    return f"{path.rpartition('.')[0]}.{ending}"


def partly(template: str, **values: Any) -> str:
    """Return a template with some of its wildcards filled in."""
    return WILDCARD.sub(lambda found: str(values.get(found[0][1:-1], found[0])), template)


def matched(template: str, path: str) -> Mapping[str, str]:
    """Return wildcard → value in `path`, a path that was made from `template`.

    Raises:
        ValueError: `path` was not made from `template`.
    """
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    found = re.fullmatch(pattern, path)
    if found is None:
        raise ValueError(f"{path} is not made from {template}")
    return found.groupdict()
