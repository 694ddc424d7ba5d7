"""Score networks at one level of an ablation."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.ablate import score_ablation

    score_ablation(
        snakemake.input.networks,
        snakemake.output[0],
        space=context.catalogue[snakemake.wildcards.space].space,
        ablation=snakemake.wildcards.ablation,
        level=snakemake.wildcards.level,
        setting=snakemake.params.setting,
        precision=snakemake.params.precision,
        relu_count=snakemake.params.relu_count,
        device=snakemake.params.device,
        directory=snakemake.params.directory,
    )
