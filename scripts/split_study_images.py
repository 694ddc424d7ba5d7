"""Split the labelled images of the study of trained networks."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.training.images import split_images

    about = dict(snakemake.params.about)
    split_images(
        snakemake.output[0],
        name=about.pop("images"),
        directory=snakemake.params.directory,
        size=snakemake.params.image_size,
        seed=snakemake.params.seed,
        **about,
    )
