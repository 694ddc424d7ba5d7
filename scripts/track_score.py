"""Track the score during training."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.evolution import follow_networks

    follow_networks(
        snakemake.input.networks,
        snakemake.input.trainings,
        snakemake.output.table,
        snakemake.output.claims,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
