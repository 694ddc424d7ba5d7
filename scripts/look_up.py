"""Look up what searches with shared weights found."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.look_up import look_up

    look_up(
        snakemake.input.searches,
        snakemake.input.benchmark,
        snakemake.output[0],
        dataset=context.catalogue["nasbench201"].datasets[snakemake.wildcards.dataset],
        search=snakemake.wildcards.method,
    )
