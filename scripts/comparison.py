"""Draw how scores compare."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.plots.comparison import comparison_files

    comparison_files(
        snakemake.input.comparison,
        snakemake.input.agreement,
        snakemake.output,
        view=snakemake.wildcards.view,
    )
