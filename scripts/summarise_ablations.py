"""Put all ablations in one table."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.ablations import summarise_ablations

    summarise_ablations(
        snakemake.input.shards,
        scores=snakemake.output.scores,
        networks=snakemake.output.networks,
        levels=snakemake.output.levels,
        claims=snakemake.output.claims,
        left_out=snakemake.params.left_out,
    )
