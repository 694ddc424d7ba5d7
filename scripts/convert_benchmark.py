"""Convert a benchmark to the project's table."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.benchmarks.convert import convert_benchmark

    context.log.info(
        convert_benchmark(
            context.catalogue[snakemake.wildcards.space],
            snakemake.params.mirror,
            snakemake.output[0],
            *snakemake.input.mirror,
        )
    )
