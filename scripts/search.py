"""Simulate many runs of one search method on one dataset and pool."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.searching import search_table

    search_table(
        snakemake.input.table,
        snakemake.output[0],
        dataset=snakemake.wildcards.dataset,
        method=snakemake.wildcards.method,
        sample_sizes=snakemake.params.sample_sizes,
        runs=snakemake.params.runs,
        seed=snakemake.params.seed,
    )
