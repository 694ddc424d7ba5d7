"""Write one page with all tables and figures."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.reporting.page import write_index

    write_index(
        snakemake.output[0],
        headline=snakemake.input.headline,
        tables=snakemake.input.tables,
        figures=snakemake.input.figures,
        captions=snakemake.input.captions,
        runs=list(zip(snakemake.params.datasets, snakemake.input.joined, strict=True)),
        seed=snakemake.params.seed,
        catalogue=context.catalogue,
    )
