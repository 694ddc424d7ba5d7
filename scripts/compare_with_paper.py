"""Compare every number in the paper with ours."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.paper_comparison import compare_with_paper

    compare_with_paper(
        snakemake.input.searches,
        snakemake.input.correlations,
        snakemake.output[0],
        published=snakemake.input.published,
        published_taus=snakemake.input.taus,
        scoring=snakemake.params.scoring,
        missing=snakemake.params.missing,
        initialisations=next(iter(snakemake.input.initialisations), None),
    )
