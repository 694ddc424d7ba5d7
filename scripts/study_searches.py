"""Study searches under a limit of latency on devices."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.search_study import study_searches

    study_searches(
        list(
            zip(
                snakemake.params.datasets,
                snakemake.input.joined,
                snakemake.input.seconds,
                strict=True,
            )
        ),
        snakemake.input.costs,
        snakemake.output.csv,
        snakemake.output.markdown,
        sample_sizes=snakemake.params.sample_sizes,
        runs=snakemake.params.runs,
        seed=snakemake.params.seed,
    )
