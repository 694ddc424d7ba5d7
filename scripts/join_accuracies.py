"""Join the shards of scores with the accuracies."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.join import join_accuracies

    join_accuracies(
        snakemake.input.sample,
        snakemake.input.shards,
        snakemake.input.benchmark,
        snakemake.output.joined,
        snakemake.output.seconds,
        score=snakemake.wildcards.score,
        sample=snakemake.params.sample,
    )
