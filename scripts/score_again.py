"""Score the best networks again, with other initial weights."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.vary_initialisation import score_again

    score_again(
        snakemake.input.joined,
        snakemake.input.batch,
        snakemake.output[0],
        space=context.catalogue[snakemake.wildcards.space].space,
        networks=snakemake.params.networks,
        seed=int(snakemake.wildcards.seed) + int(snakemake.wildcards.initialisation),
        precision=snakemake.params.precision,
        relu_count=snakemake.params.relu_count,
        device=snakemake.params.device,
    )
