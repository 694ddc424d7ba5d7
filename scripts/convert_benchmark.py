"""Convert a benchmark to the project's table."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.benchmarks.convert import convert

    context.log.info(
        convert(
            context.catalogue[snakemake.wildcards.space],
            snakemake.params.mirror,
            snakemake.output[0],
            *snakemake.input.mirror,
        )
    )
