"""Draw Figure 2."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.figure2 import figure2_files

    figure2_files(
        snakemake.input.regions,
        snakemake.input.boundaries,
        snakemake.input.inputs,
        snakemake.input.kernels,
        snakemake.output,
    )
