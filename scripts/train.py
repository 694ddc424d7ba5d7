"""Train one network."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.training.job import train_one

    train_one(
        snakemake.input.networks,
        int(snakemake.wildcards.number),
        snakemake.input.images,
        snakemake.input.batch,
        snakemake.output[0],
        protocol=snakemake.params.protocol,
        seed=int(snakemake.wildcards.seed),
        precision=snakemake.params.precision,
        relu_count=snakemake.params.relu_count,
        device=snakemake.params.device,
    )
