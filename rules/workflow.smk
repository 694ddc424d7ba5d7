"""Include the rules in the order of the work; Snakefile and workflow/Snakefile share this."""

from snakemake.utils import min_version

min_version("9.19")


report: "../report/workflow.rst"


include: "surroundings.smk"


configfile: str(from_here(ROOT / "config/config.yaml"))


include: "common.smk"
include: "fetch.smk"
include: "convert.smk"
include: "batch.smk"
include: "sample.smk"
include: "neighbours.smk"
include: "score.smk"
include: "train.smk"
include: "join.smk"
include: "correlate.smk"
include: "initialise.smk"
include: "compare.smk"
include: "ablate.smk"
include: "search.smk"
include: "study.smk"
include: "study_trained.smk"
include: "supernet.smk"
include: "table.smk"
include: "kernels.smk"
include: "regions.smk"
include: "figure.smk"
include: "targets.smk"
include: "report.smk"
