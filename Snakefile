"""Neural architecture search without training, as a workflow.

snakemake --cores 4 results/table2.csv     Table 2, measured beside published
snakemake --cores 4                        that, Kendall tau and the figures
snakemake --cores 1 results/sources/NAME   an official file of config/sources.yaml
"""

from snakemake.utils import min_version

min_version("9.19")


report: "report/workflow.rst"


include: "rules/surroundings.smk"


configfile: beside("config/config.yaml")


include: "rules/common.smk"
include: "rules/paths.smk"
include: "rules/fetch.smk"
include: "rules/convert.smk"
include: "rules/batch.smk"
include: "rules/sample.smk"
include: "rules/connect.smk"
include: "rules/score.smk"
include: "rules/train.smk"
include: "rules/join.smk"
include: "rules/correlate.smk"
include: "rules/compare.smk"
include: "rules/ablate.smk"
include: "rules/search.smk"
include: "rules/table.smk"
include: "rules/contrast.smk"
include: "rules/anytime.smk"
include: "rules/kernel.smk"
include: "rules/plot.smk"
include: "rules/illustrate.smk"
include: "rules/targets.smk"
include: "rules/contents.smk"
include: "rules/report.smk"


localrules:
    all,


rule all:
    """Everything: tables, figures, and one page with all of it"""
    default_target: True
    input:
        TABLES,
        FIGURES,
        "results/index.html",
        [f"results/tables/{name}.html" for name in TOLD],
