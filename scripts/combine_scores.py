"""Combine several scores by majority vote."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.vote import vote_tables

    vote_tables(
        snakemake.input.joined,
        snakemake.input.seconds,
        snakemake.output.joined,
        snakemake.output.seconds,
    )
