"""Render the leaderboard as a sortable page, with its caption."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.reporting.tables import render_page

    render_page(
        snakemake.input.table,
        snakemake.input.template,
        snakemake.output.caption,
        snakemake.output.page,
        config=snakemake.params.config,
        catalogue=context.catalogue,
    )
