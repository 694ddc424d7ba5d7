"""Draw Figure 6."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.figure6 import figure6_files

    figure6_files(snakemake.input.table, snakemake.output)
