"""Neural architecture search without training, as a workflow.

snakemake --cores 4 results/table2.csv     Table 2: our results beside the published ones
snakemake --cores 4                        all tables and figures
snakemake --cores 1 results/sources/NAME   an official file of config/sources.yaml
"""

from snakemake.utils import min_version

min_version("9.19")


report: "report/workflow.rst"


include: "rules/surroundings.smk"


configfile: str(HERE / "config/config.yaml")


include: "rules/common.smk"
include: "rules/fetch.smk"
include: "rules/convert.smk"
include: "rules/batch.smk"
include: "rules/sample.smk"
include: "rules/neighbours.smk"
include: "rules/score.smk"
include: "rules/train.smk"
include: "rules/join.smk"
include: "rules/correlate.smk"
include: "rules/initialise.smk"
include: "rules/compare.smk"
include: "rules/ablate.smk"
include: "rules/search.smk"
include: "rules/study.smk"
include: "rules/study_trained.smk"
include: "rules/supernet.smk"
include: "rules/table.smk"
include: "rules/kernels.smk"
include: "rules/regions.smk"
include: "rules/figure.smk"
include: "rules/targets.smk"
include: "rules/report.smk"


localrules:
    all,


rule all:
    """All tables and figures, and one page that shows them"""
    default_target: True
    input:
        plan.tables,
        plan.figures,
        paths.INDEX,
        [paths.TABLE_PAGE.format(table=name) for name in plan.report_tables],
