"""Collect the accuracies of a space's trained networks."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.training.benchmark import collect_trained

    context.log.info(
        collect_trained(
            snakemake.input.trainings,
            snakemake.output[0],
            space=context.catalogue[snakemake.wildcards.space].space,
        )
    )
