"""Search once with shared weights."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.share import share_weights

    share_weights(
        snakemake.input.images,
        snakemake.output.epochs,
        snakemake.output.cells,
        search=snakemake.wildcards.search,
        **snakemake.params.about,
        protocol=snakemake.params.protocol,
        compared=snakemake.params.compared,
        seed=int(snakemake.wildcards.seed),
        device=snakemake.params.device,
    )
