"""Write Table 2."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.table2 import write_table2

    write_table2(
        snakemake.input.searches,
        snakemake.input.published,
        snakemake.output.csv,
        snakemake.output.markdown,
    )
