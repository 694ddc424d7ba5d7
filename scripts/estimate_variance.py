"""Decompose the variance of scores, and measure how stable the ranking is."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.stability import estimate_variance

    estimate_variance(
        snakemake.input.shards,
        snakemake.output.components,
        snakemake.output.stability,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
