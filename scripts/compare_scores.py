"""Compare scores with each other."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.analysis.comparison import compare_scores

    compare_scores(
        list(
            zip(
                snakemake.params.datasets,
                snakemake.input.joined,
                snakemake.input.seconds,
                strict=True,
            )
        ),
        snakemake.input.correlations,
        snakemake.output.comparison,
        snakemake.output.agreement,
        snakemake.output.top,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
        catalogue=context.catalogue,
    )
