"""Put several scores together by the ranks that they give."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.combine import combine_scores

    combine_scores(
        snakemake.input.joined,
        snakemake.input.seconds,
        snakemake.output.joined,
        snakemake.output.seconds,
        name=snakemake.wildcards.score,
        by=snakemake.params.by,
    )
