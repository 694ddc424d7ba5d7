"""Plot scores against accuracies."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.scatter import scatter_files

    scatter_files(
        snakemake.input.joined,
        snakemake.input.correlations,
        snakemake.output,
        dataset=snakemake.wildcards.dataset,
    )
