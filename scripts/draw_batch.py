"""Draw the mini-batch of an image source."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.draw_batch import draw_batch

    draw_batch(
        snakemake.output[0],
        name=snakemake.wildcards.images,
        count=snakemake.params.batch_size,
        size=snakemake.params.image_size,
        seed=int(snakemake.wildcards.seed),
        directory=snakemake.params.directory,
    )
