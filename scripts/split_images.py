"""Split the labelled images of a source into training, validation and test images."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.training.images import split_images

    split_images(
        snakemake.output[0],
        name=snakemake.wildcards.images,
        directory=snakemake.params.directory,
        size=snakemake.params.image_size,
        seed=int(snakemake.wildcards.seed),
        train_images=snakemake.params.train_images,
        valid_images=snakemake.params.valid_images,
    )
