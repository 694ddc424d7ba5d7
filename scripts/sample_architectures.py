"""Put the architectures of a space in random order."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.sample import sample_architectures

    sample_architectures(
        snakemake.output[0],
        space=context.catalogue[snakemake.wildcards.space].space,
        deduplicate=snakemake.params.deduplicate,
        seed=int(snakemake.wildcards.seed),
        benchmark=next(iter(snakemake.input.benchmark), None),
    )
