"""Collect the accuracies of a space's trained networks."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.training.benchmark import gather_trainings

    context.log.info(
        gather_trainings(
            snakemake.input.trainings,
            snakemake.output[0],
            space=context.catalogue[snakemake.wildcards.space].space,
        )
    )
