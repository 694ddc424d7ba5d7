"""Convert a benchmark to the project's table."""

from naswot.workflow.job import job

with job(snakemake) as log:
    from naswot.benchmarks.convert import convert

    log.info(
        convert(
            snakemake.wildcards.space,
            snakemake.params.mirror,
            snakemake.output[0],
            *snakemake.input.mirror,
        )
    )
