"""Write Table 1."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.tables import write_table

    write_table(
        snakemake.input.searches,
        snakemake.input.published,
        snakemake.output.csv,
        snakemake.output.markdown,
        snakemake.output.latex,
        datasets=["cifar10"],
    )
