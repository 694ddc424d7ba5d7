"""Neural architecture search without training, as a workflow.

snakemake --cores 4 results/table2.csv     Table 2: our results beside the published ones
snakemake --cores 4                        all tables and figures
snakemake --cores 1 results/sources/NAME   an official file of config/sources.yaml
"""


include: "rules/workflow.smk"


rule all:
    """All tables and figures, and one page that shows them"""
    default_target: True
    input:
        plan.everything,
