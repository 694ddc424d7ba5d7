"""Compare networks chosen by score with random ones, after training."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.compare_trained import compare_trained

    compare_trained(
        snakemake.input.candidates,
        snakemake.input.trainings,
        snakemake.output.csv,
        snakemake.output.summary,
        snakemake.output.markdown,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
