"""Draw what searches found and how long they took."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.searches import searches_files

    searches_files(snakemake.input.table, snakemake.output, view=snakemake.wildcards.view)
