"""Train one network of the study of trained networks."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.train_candidate import train_candidate

    train_candidate(
        snakemake.input.candidates,
        snakemake.input.images,
        snakemake.output[0],
        number=int(snakemake.wildcards.number),
        protocol=snakemake.params.protocol,
        seed=snakemake.params.seed,
        device=snakemake.params.device,
    )
