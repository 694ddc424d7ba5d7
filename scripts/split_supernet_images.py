"""Split the labelled images of the supernet into two halves."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.training.images import split_images

    split_images(
        snakemake.output[0],
        name=snakemake.params.images,
        directory=snakemake.params.directory,
        size=snakemake.params.image_size,
        seed=snakemake.params.seed,
        train_images=snakemake.params.half,
        valid_images=snakemake.params.half,
    )
