"""Split the labelled images of the supernet into two halves."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.share import split_halves

    split_halves(
        snakemake.output[0],
        name=snakemake.params.images,
        directory=snakemake.params.directory,
        size=snakemake.params.image_size,
        seed=snakemake.params.seed,
        half=snakemake.params.half,
    )
