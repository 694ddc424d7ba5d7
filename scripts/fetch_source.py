"""Fetch an official file."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.io.download import fetch, read_sources

    context.log.info(
        fetch(
            snakemake.wildcards.source,
            snakemake.output[0],
            read_sources(snakemake.input.sources),
            snakemake.params.mirror,
        )
    )
