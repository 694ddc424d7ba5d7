"""Gather what the networks of a space scored."""

from naswot.workflow.job import job

with job(snakemake) as log:
    from naswot.training.benchmark import gather_trainings

    log.info(
        gather_trainings(
            snakemake.input.trainings, snakemake.output[0], space=snakemake.wildcards.space
        )
    )
