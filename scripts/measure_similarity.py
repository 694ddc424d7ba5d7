"""Measure the similarity of different images in the kernels of networks."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.analysis.similarity import measure_similarity

    measure_similarity(
        snakemake.input.kernels,
        snakemake.output.table,
        snakemake.output.claims,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
        catalogue=context.catalogue,
    )
