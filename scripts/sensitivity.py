"""Draw what a score depends on."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.sensitivity import sensitivity_files

    sensitivity_files(snakemake.input.tables, snakemake.output, view=snakemake.wildcards.view)
