"""Choose the architectures of the run."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.sampling import write_sample

    write_sample(
        snakemake.output[0],
        space=snakemake.wildcards.space,
        sample=snakemake.params.sample,
        deduplicate=snakemake.params.deduplicate,
        seed=int(snakemake.wildcards.seed),
        benchmark=next(iter(snakemake.input.benchmark), None),
    )
