"""Track the score during training."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.evolution import track_score

    track_score(
        snakemake.input.networks,
        snakemake.input.trainings,
        snakemake.output.table,
        snakemake.output.claims,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
