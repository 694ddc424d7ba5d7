"""Score one shard of architectures."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.score import score_networks

    in_place = snakemake.output[0].startswith("results/")  # not a local copy of a remote file
    score_networks(
        snakemake.input.sample,
        snakemake.input.batch,
        snakemake.output[0],
        space=context.catalogue[snakemake.wildcards.space].space,
        images=snakemake.wildcards.images,
        family=snakemake.wildcards.family,
        seed=int(snakemake.wildcards.seed),
        first=snakemake.params.bounds[0],
        last=snakemake.params.bounds[1],
        precision=snakemake.params.precision,
        relu_count=snakemake.params.relu_count,
        device=snakemake.params.device,
        sample=snakemake.config["sample"] if in_place else None,
    )
