"""Correlate score and accuracy."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.analysis.correlation import correlate_scores

    correlate_scores(
        list(zip(snakemake.params.datasets, snakemake.input.joined, strict=True)),
        snakemake.output[0],
        published=snakemake.input.published,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
        missing=snakemake.params.missing,
        catalogue=context.catalogue,
    )
