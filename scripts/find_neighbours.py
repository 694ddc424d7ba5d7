"""Find which architectures of a space are one mutation apart."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.neighbours import find_neighbours

    find_neighbours(
        snakemake.input.benchmark,
        snakemake.output[0],
        space=context.catalogue[snakemake.wildcards.space].space,
    )
