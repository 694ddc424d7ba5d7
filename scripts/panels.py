"""Draw a figure of the paper with its panels."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.panels import panel_files

    panel_files(
        snakemake.input.joined,
        snakemake.input.correlations,
        snakemake.output,
        figure=int(snakemake.wildcards.number),
        panels=snakemake.params.panels,
        missing=snakemake.params.missing,
    )
