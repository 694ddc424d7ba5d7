"""Choose the networks for the ablations."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.ablate import select_ablation_networks

    select_ablation_networks(
        snakemake.input.benchmark,
        snakemake.output[0],
        space=snakemake.wildcards.space,
        dataset=context.catalogue[snakemake.wildcards.space].datasets[snakemake.wildcards.dataset],
        choice=snakemake.wildcards.choice,
        count=snakemake.params.networks,
        seed=int(snakemake.wildcards.seed),
    )
