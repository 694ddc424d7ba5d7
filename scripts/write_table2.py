"""Write Table 2."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.tables import write_table
    from naswot.benchmarks.datasets import DATASETS

    write_table(
        snakemake.input.searches,
        snakemake.input.published,
        snakemake.output.csv,
        snakemake.output.markdown,
        snakemake.output.latex,
        datasets=list(DATASETS["nasbench201"]),
        missing=snakemake.params.missing,
    )
