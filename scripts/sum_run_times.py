"""Sum up the run times of the stages."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.reporting.record import sum_run_times

    sum_run_times(
        snakemake.output[0],
        timings=snakemake.params.timings,
        stages=snakemake.params.stages,
    )
