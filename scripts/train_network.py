"""Train one network."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.training.job import nth_network, train_one

    number, arch = int(snakemake.wildcards.number), snakemake.params.arch
    train_one(
        context.catalogue[snakemake.params.space].space,
        *(nth_network(snakemake.input.picked[0], number) if arch is None else (number, arch)),
        snakemake.input.images,
        snakemake.input.batch,
        snakemake.output[0],
        protocol=snakemake.params.protocol,
        seed=int(snakemake.wildcards.seed),
        precision=snakemake.params.precision,
        relu_count=snakemake.params.relu_count,
        device=snakemake.params.device,
    )
