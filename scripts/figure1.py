"""Draw Figure 1."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.figure1 import figure1_files

    figure1_files(
        snakemake.input.kernels,
        snakemake.input.table,
        snakemake.output,
        shown=snakemake.params.shown,
    )
