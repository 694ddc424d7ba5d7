"""Write Table 2."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.tables import write_table
    from naswot.benchmarks.datasets import datasets_of

    write_table(
        snakemake.input.searches,
        snakemake.input.published,
        snakemake.output.csv,
        snakemake.output.markdown,
        snakemake.output.latex,
        datasets=list(datasets_of("nasbench201")),
        missing=snakemake.params.missing,
    )
