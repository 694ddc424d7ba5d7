"""Simulate many runs of NASWOT, Random or Optimal on one dataset and pool."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.sample_search import search_by_sampling

    search_by_sampling(
        snakemake.input.table,
        snakemake.output.runs,
        snakemake.output.trajectories,
        dataset=context.catalogue[snakemake.wildcards.space].datasets[snakemake.wildcards.dataset],
        method=snakemake.wildcards.method,
        sample_sizes=snakemake.params.sample_sizes,
        runs=snakemake.params.runs,
        seed=snakemake.params.seed,
        seconds=snakemake.input.get("seconds"),
    )
