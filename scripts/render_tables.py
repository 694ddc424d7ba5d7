"""Render tables as sortable pages."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.reporting.tables import render_tables

    render_tables(
        snakemake.input.tables, snakemake.input.captions, snakemake.output, context.catalogue
    )
