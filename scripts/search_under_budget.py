"""Simulate many runs of one search under a budget on one dataset."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.budget_search import search_under_budget

    entry = context.catalogue[snakemake.wildcards.space]
    search_under_budget(
        snakemake.input.benchmark,
        snakemake.input.neighbours,
        snakemake.output.runs,
        snakemake.output.trajectories,
        joined=snakemake.input.get("joined"),
        seconds=snakemake.input.get("seconds"),
        space=entry.space,
        dataset=entry.datasets[snakemake.wildcards.dataset],
        searched=entry.datasets[snakemake.params.searched],
        method=snakemake.wildcards.method,
        settings=snakemake.params.settings,
        runs=snakemake.params.runs,
        seed=snakemake.params.seed,
    )
