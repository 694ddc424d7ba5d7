"""Record the settings, versions and data of a run."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.reporting.record import record_run

    record_run(
        snakemake.output[0],
        joined=snakemake.input.joined,
        seconds=snakemake.input.seconds,
        searches=snakemake.input.searches,
        config=snakemake.config,
        defaults=snakemake.input.defaults,
        missing=snakemake.params.missing,
        omitted=snakemake.params.omitted,
        catalogue=context.catalogue,
    )
