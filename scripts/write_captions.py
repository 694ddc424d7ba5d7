"""Fill in the captions of tables and figures."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.reporting.captions import write_captions

    write_captions(
        snakemake.input.templates,
        snakemake.input.claims,
        snakemake.output,
        config=snakemake.config,
        catalogue=context.catalogue,
    )
