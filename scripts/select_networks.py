"""Select the networks of Figure 6."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.training.benchmark import select_networks

    context.log.info(
        select_networks(
            snakemake.input.benchmark,
            snakemake.output[0],
            accuracy=snakemake.params.accuracy,
            above=snakemake.params.above,
            least=snakemake.config["figure6"]["networks"],  # it does not change the order
            seed=snakemake.params.seed,
        )
    )
