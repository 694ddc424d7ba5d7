"""Draw Figure 8."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.figure8 import figure8_files

    figure8_files(snakemake.output)
