"""Combine several scores by majority vote."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.vote import combine_scores

    combine_scores(
        snakemake.input.joined,
        snakemake.input.seconds,
        snakemake.output.joined,
        snakemake.output.seconds,
    )
