"""Compare searches with shared weights with all cells."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.compare_sharing import compare_sharing

    compare_sharing(
        snakemake.input.searches,
        snakemake.input.cells,
        snakemake.input.benchmark,
        snakemake.output.csv,
        snakemake.output.epochs,
        snakemake.output.cells,
        snakemake.output.markdown,
        searches=snakemake.params.searches,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
